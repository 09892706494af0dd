import { STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { errorMessage, Refusal } from '../../mcp/errors.ts'
import type { Detail } from '../../mcp/refusal-table.ts'
import type { ClientConnection } from './client-connection.ts'
import { timeoutCode, type Connections } from './connections.ts'
import { refuse } from '../exchange/exchange.ts'
import { logUnparsed, type AccessLog } from './access-log.ts'
import { newRequestId } from '../exchange/request-id.ts'

/** What such a refusal is made and recorded with. */
export interface UnparsedDependencies extends AccessLog {
  /** The revision in force. */
  revision(this: void): string
}

const closing = { connection: 'close' }
const allowed = 'POST, GET, DELETE, OPTIONS'

/** Answers whatever node:http hands over as something other than a request: errors of its reader, and CONNECT. */
export function answerUnparsed(
  listener: Server,
  connections: Connections,
  dependencies: UnparsedDependencies,
): void {
  listener.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    // Its answer is on its way, and what the client goes on to send is thrown away for a moment.
    if (socket.writableEnded && error.code !== 'ECONNRESET') return
    const connection = connections.of(socket)
    if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy()
    // It waits for its turn, and that is no fault of the client.
    else if (error.code === timeoutCode && connection.isHeld)
      connection.overdue = { taken: connection.taken, ticks: 0 }
    else answerError(connection, unparsed(error), dependencies)
  })
  // Without a listener the connection would be cut without a word.
  listener.on('connect', ({ method }: IncomingMessage, socket: Socket) => {
    const connection = connections.of(socket)
    // node:http has let go of the socket, and of what its answers wait for.
    socket.on('error', () => socket.destroy()).resume()
    socket.on('drain', () => connection.current?.response.emit('drain'))
    const refusal = new Refusal('connect_refused', {
      values: { method: method!, methods: allowed },
      headers: { ...closing, allow: allowed },
    })
    if (connection.current === undefined) refuseUnparsed(refusal, socket, dependencies)
    else {
      endAfter(connection.latest!.response, socket)
      logRefusal(refusal, socket, dependencies)
    }
  })
}

function answerError(
  connection: ClientConnection,
  refusal: Refusal,
  dependencies: UnparsedDependencies,
): void {
  const { socket, latest } = connection
  const answered = latest?.response.writableFinished !== false
  if (latest === undefined || (latest.request.complete && answered)) {
    refuseUnparsed(refusal, socket, dependencies)
  }
  // What cannot be read comes after a whole request, or one that is answered already: the connection ends with it.
  else if (latest.request.complete || latest.response.writableEnded) {
    if (answered) socket.end()
    else endAfter(latest.response, socket)
    logRefusal(refusal, socket, dependencies)
  } else {
    const exchange = connection.startLatest()!
    // Whatever was begun with it must not answer too.
    exchange.request.stopReading()
    exchange.relay?.onClose()
    refuse(exchange, refusal)
  }
}

/** Ends a connection with the answer that is under way, also where its head said something else. */
function endAfter(response: ServerResponse, socket: Socket): void {
  if (response.headersSent && response.shouldKeepAlive) response.once('finish', () => socket.end())
  response.shouldKeepAlive = false
}

const parserDetails: Readonly<Record<string, Detail>> = {
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  [timeoutCode]: 'request_timeout',
}

function unparsed(cause: NodeJS.ErrnoException): Refusal {
  return new Refusal(parserDetails[cause.code ?? ''] ?? 'http_malformed', { headers: closing, cause })
}

/** Answers what node:http could not read as a request; there is no exchange for it. */
function refuseUnparsed(refusal: Refusal, socket: Socket, dependencies: UnparsedDependencies): void {
  const requestId = logRefusal(refusal, socket, dependencies)
  const body = errorMessage(refusal, undefined, { requestId })
  const headers = Object.entries({
    ...refusal.headers,
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
  })
  socket.end(
    `HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status]}\r\n` +
      `${headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`,
  )
}

function logRefusal(refusal: Refusal, socket: Socket, dependencies: UnparsedDependencies): string {
  const requestId = newRequestId()
  const context = { requestId, revision: dependencies.revision(), client: socket.remoteAddress }
  logUnparsed(refusal, context, dependencies)
  return requestId
}
