import { STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { errorText, Refusal } from '../../mcp/errors.ts'
import type { Detail } from '../../mcp/refusal-table.ts'
import type { ClientConnection } from './client-connection.ts'
import { timeoutCode, type Connections } from './connections.ts'
import { refuse } from '../exchange/exchange.ts'
import { methods } from '../stages/preflight.ts'
import { logUnparsed, type AccessLog } from './access-log.ts'
import { newRequestId } from '../exchange/request-id.ts'

/** Dependencies for such a refusal. */
export interface UnparsedDependencies extends AccessLog {
  /** The revision in force. */
  revision(this: void): string
}

const closing = { connection: 'close' }

/** Answers what node:http reports as something other than a request: parser errors, and CONNECT. */
export function answerUnparsed(
  listener: Server,
  connections: Connections,
  dependencies: UnparsedDependencies,
): void {
  listener.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    // Its response is on its way; further bytes of the client are discarded for a moment.
    if (socket.writableEnded && error.code !== 'ECONNRESET') return
    const connection = connections.of(socket)
    if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy()
    // The request waits for its turn, which is not the client's fault.
    else if (error.code === timeoutCode && connection.isHeld)
      connection.overdue = { taken: connection.taken, ticks: 0 }
    else answerError(connection, unparsed(error), dependencies)
  })
  // Without a listener the connection would be closed without a response.
  listener.on('connect', ({ method }: IncomingMessage, socket: Socket) => {
    const connection = connections.of(socket)
    // node:http has detached from the socket, and no longer forwards its events.
    socket.on('error', () => socket.destroy()).resume()
    socket.on('drain', () => connection.current?.response.emit('drain'))
    const refusal = new Refusal('connect_refused', {
      values: { method: method!, methods },
      headers: { ...closing, allow: methods },
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
  // The error follows a complete request, or one that has its response: the connection ends after that response.
  else if (latest.request.complete || latest.response.writableEnded) {
    if (answered) socket.end()
    else endAfter(latest.response, socket)
    logRefusal(refusal, socket, dependencies)
  } else {
    const exchange = connection.startLatest()!
    const id = exchange.principal && exchange.request.idSoFar()
    if (id !== undefined) exchange.requestIds.push(id)
    // Anything else that works on it must not send a response too.
    exchange.request.stopReading()
    exchange.relay?.onClose()
    // A request that was refused already is not refused for another reason, such as its time.
    refuse(exchange, exchange.awaitingId ?? refusal)
  }
}

/** Ends a connection after the current response, even if its head said otherwise. */
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

/** Answers bytes that node:http could not parse; there is no exchange for them. */
function refuseUnparsed(refusal: Refusal, socket: Socket, dependencies: UnparsedDependencies): void {
  const requestId = logRefusal(refusal, socket, dependencies)
  const body = errorText(refusal, { requestId })
  const headers = Object.entries({
    ...refusal.headers,
    'Content-Type': 'text/plain; charset=utf-8',
    'X-Content-Type-Options': 'nosniff',
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
