import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { Worker } from 'node:worker_threads'
import { requestBytes } from './calls.ts'
import type { PacedJob, PacedResult } from './paced.ts'
import { percentile } from './statistics.ts'

/**
 * Calls at a fixed rate without waiting for responses: an open loop. Latency counts from the instant when a call was due,
 * so a stall slows all the calls that it delayed, not only the first.
 * `node bench/fixed-rate.ts JOB.json` prints one line of JSON.
 */
const { port, path, call, rate, seconds } = JSON.parse(readFileSync(process.argv[2]!, 'utf8')) as PacedJob
const count = rate * seconds
const lead = 200e6
const timeoutMs = 10_000
const opened = 64
const request = requestBytes(call, port, path)
const free: Caller[] = []
const latencies: number[] = []
let wrong = 0

interface Caller {
  call(due: number): void
}

/** Creates a connection that makes one call at a time, and frees itself after the response. */
function createCaller(): Caller {
  let due = 0
  let head = ''
  let left: number | undefined
  const socket: Socket = connect({ port, host: '127.0.0.1', noDelay: true })
  const caller: Caller = {
    call(instant) {
      due = instant
      head = ''
      left = undefined
      socket.write(request)
    },
  }
  socket.on('error', () => wrong++)
  socket.on('data', (chunk: Buffer) => {
    if (left === undefined) {
      head += chunk.toString('latin1')
      const end = head.indexOf('\r\n\r\n')
      if (end < 0) return
      const [, length = '0'] = /\r\ncontent-length: (\d+)/i.exec(head) ?? []
      left = end + 4 + Number(length) - head.length
      if (Number(head.slice(9, 12)) !== call.status) wrong++
    } else left -= chunk.length
    if (left > 0) return
    latencies.push((Number(process.hrtime.bigint()) - due) / 1e6)
    free.push(caller)
    if (latencies.length === count) finish()
  })
  return caller
}

function finish(): void {
  const sorted = latencies.toSorted((a, b) => a - b)
  const result: PacedResult = {
    calls: sorted.length,
    wrong: wrong + count - sorted.length,
    p50: percentile(sorted, 0.5),
    p99: percentile(sorted, 0.99),
    slowest: sorted.at(-1) ?? Number.POSITIVE_INFINITY,
  }
  process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0))
}

for (let index = 0; index < opened; index++) free.push(createCaller())
const pacer = new Worker(new URL('pacer.ts', import.meta.url), {
  workerData: { first: Number(process.hrtime.bigint()) + lead, interval: 1e9 / rate, count },
})
pacer.on('message', (due: number) => (free.pop() ?? createCaller()).call(due))
setTimeout(finish, seconds * 1000 + timeoutMs)
