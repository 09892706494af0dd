import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { requestBytes, type Call } from './calls.ts'

/**
 * Opens streams and keeps them open. Prints `open` when each of them has received its first event.
 * `node bench/stream-holder.ts PORT PATH COUNT CALL.json`
 */
const [port = '', path = '', count = '', file = ''] = process.argv.slice(2)
const call = JSON.parse(readFileSync(file, 'utf8')) as Call
const request = requestBytes(call, Number(port), path)
const maxOpening = 50
const sockets: Socket[] = []
let requested = 0
let open = 0

function openOne(): void {
  requested++
  const socket = connect(Number(port), '127.0.0.1')
  let text = ''
  sockets.push(socket)
  socket.write(request)
  socket.on('data', (chunk: Buffer) => {
    text = (text + chunk.toString('latin1')).slice(0, 4096)
    if (!text.includes(call.answer)) return
    socket.removeAllListeners('data').resume()
    open++
    if (open === Number(count)) process.stdout.write('open\n')
    else if (requested < Number(count)) openOne()
  })
  socket.on('close', () => {
    process.stdout.write(`a stream ended: ${text}\n`)
    process.exit(1)
  })
}

for (let index = 0; index < Math.min(maxOpening, Number(count)); index++) openOne()
