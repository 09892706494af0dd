import { createServer, STATUS_CODES, type Server, type ServerOptions, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Socket } from 'node:net'
import type { SecureContextOptions } from 'node:tls'
import { errorMessage, Refusal, type Reason } from '../mcp/errors.ts'
import { BodyRequest } from './body.ts'
import { openExchange, refuse, type Exchange } from './exchange.ts'
import { recordExchange, recordUnparsed, type Records } from './record.ts'
import { newRequestId } from './request-id.ts'
import { serve } from './serve.ts'
import type { Snapshot } from './snapshot.ts'
import type { Streams } from './streams.ts'

/** What the listener for clients works with. */
export interface ListenerDependencies extends Records {
  /** The snapshot in force. */
  current(this: void): Snapshot
  /** Whether the gateway is stopping. */
  draining(this: void): boolean
  readonly streams: Streams
}

/** How long clients may take, in milliseconds: for a whole request, and between two. */
export interface ListenerTimeouts {
  readonly request: number
  readonly keepAlive: number
}

/** What TLS is served with. */
export interface ListenerTls {
  readonly context: SecureContextOptions
  /** Milliseconds. */
  readonly handshakeTimeout: number
}

const retryAfter = '1'
const timeoutPrecision = 250

/**
 * The listener that MCP clients reach, not listening yet.
 *
 * @param tls undefined for plain HTTP
 */
export function createListener(dependencies: ListenerDependencies, tls: ListenerTls | undefined): Server {
  const options = {
    IncomingMessage: BodyRequest,
    connectionsCheckingInterval: timeoutPrecision,
    requireHostHeader: false,
  }
  const listener = tls === undefined ? createServer(options) : createSecureListener({ ...options, ...tls })
  const latest = new WeakMap<object, Exchange>()
  const handle = (request: BodyRequest, response: ServerResponse): void => {
    const exchange = openExchange(request, response, dependencies.current())
    latest.set(request.socket, exchange)
    void run(exchange, dependencies)
  }
  listener.on('request', handle)
  listener.on('checkContinue', (request: BodyRequest, response: ServerResponse) => {
    request.onWanted = () => askForBody(response)
    handle(request, response)
  })
  listener.on('checkExpectation', handle)
  listener.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    const { request, response } = latest.get(socket) ?? {}
    const answered = response?.writableFinished !== false
    if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy()
    else if (request === undefined || (request.complete && answered)) {
      refuseUnparsed(error, socket, dependencies)
    }
    // What cannot be read stands behind a whole request: that one is answered, and the connection ends with it.
    else if (request.complete) endAfter(response!, socket)
    else if (answered) socket.destroy()
    else refuseUnfinished(latest.get(socket)!, unparsed(error))
  })
  return listener
}

/** Asks for a body that a client holds back, when it is its turn: what is said earlier gets behind the answer's head. */
function askForBody(response: ServerResponse): Promise<void> | undefined {
  if (response.socket !== null) {
    response.writeContinue()
    return undefined
  }
  return new Promise(resolve => {
    response.once('socket', () => {
      if (response.headersSent) return
      response.writeContinue()
      resolve()
    })
  })
}

/** Refuses what never became whole; whatever was begun with it must not answer too. */
function refuseUnfinished(exchange: Exchange, refusal: Refusal): void {
  exchange.request.stopReading()
  exchange.relay?.onClose()
  refuse(exchange, refusal)
}

/** Ends a connection with the answer that is under way, also where its head said something else. */
function endAfter(response: ServerResponse, socket: Socket): void {
  if (response.headersSent && response.shouldKeepAlive) response.once('finish', () => socket.end())
  response.shouldKeepAlive = false
}

/** Sets what may change while the listener runs. */
export function setTimeouts(listener: Server, { request, keepAlive }: ListenerTimeouts): void {
  listener.headersTimeout = request
  listener.requestTimeout = request
  listener.keepAliveTimeout = keepAlive
}

/**
 * Serves TLS. Whether a client certificate is good is not for the handshake to enforce: who comes without one is
 * told so by an answer.
 */
function createSecureListener({
  context,
  handshakeTimeout,
  ...options
}: ServerOptions & ListenerTls): Server {
  const listener = createTlsServer({
    ...options,
    ...context,
    handshakeTimeout,
    requestCert: context.ca !== undefined,
    rejectUnauthorized: false,
  })
  // By default a failed handshake counts as a malformed request, and would be answered in clear. Anyone can fail
  // one, so none is logged.
  listener.removeAllListeners('tlsClientError').on('tlsClientError', (_error, socket) => socket.destroy())
  return listener
}

async function run(exchange: Exchange, dependencies: ListenerDependencies): Promise<void> {
  const { response } = exchange
  exchange.snapshot.retain()
  response.on('error', ignore)
  response.on('close', () => {
    exchange.snapshot.release()
    recordExchange(exchange, dependencies)
    exchange.relay?.onClose()
    // The connection remembers its last exchange, which is to keep nothing of the answer alive.
    exchange.relay = undefined
  })
  try {
    if (dependencies.draining()) {
      throw new Refusal('draining', 'the gateway is stopping', {
        headers: { 'retry-after': retryAfter, connection: 'close' },
      })
    }
    await serve(exchange, dependencies.streams)
  } catch (error) {
    if (error instanceof Refusal) {
      // It was refused for something else meanwhile.
      if (exchange.refusal !== undefined) return
      exchange.rule = error.rule
      refuse(exchange, error)
      return
    }
    dependencies.log.error('internal_error', {
      requestId: exchange.id,
      error: String((error as Error).stack ?? error),
    })
    refuse(exchange, new Refusal('internal', 'the gateway failed'))
  }
}

function ignore(): void {}

const parserReasons: Readonly<Record<string, Reason>> = {
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
}

function unparsed(cause: NodeJS.ErrnoException): Refusal {
  const reason = parserReasons[cause.code ?? ''] ?? 'request_malformed'
  const headers = { connection: 'close' }
  return new Refusal(reason, 'the request is not valid HTTP, or took too long', { headers, cause })
}

/** Answers what node:http could not read as a request; there is no exchange for it. */
function refuseUnparsed(
  error: NodeJS.ErrnoException,
  socket: Socket,
  dependencies: ListenerDependencies,
): void {
  const refusal = unparsed(error)
  const requestId = newRequestId()
  const body = errorMessage(refusal, undefined, { requestId })
  socket.end(
    `HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status]}\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  )
  const { revision } = dependencies.current()
  recordUnparsed(refusal, { requestId, revision, client: socket.remoteAddress }, dependencies)
}
