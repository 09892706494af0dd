import { createServer, type Server, type ServerOptions, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { SecureContextOptions } from 'node:tls'
import { maxTokenLength } from '../../auth/jws.ts'
import { Refusal } from '../../mcp/errors.ts'
import { BodyRequest } from '../exchange/body.ts'
import type { ClientConnection } from './client-connection.ts'
import type { ConnectionSlots } from './connection-slots.ts'
import { followConnections, type Connections } from './connections.ts'
import { openExchange, refuse, releaseAll, type Exchange } from '../exchange/exchange.ts'
import { createFullReport } from './full-report.ts'
import { mayHaveId, readId } from './late-id.ts'
import { logExchange, type AccessLog } from './access-log.ts'
import { serve, type PipelineContext } from './pipeline.ts'
import type { Snapshot } from '../exchange/snapshot.ts'
import { answerUnparsed } from './unparsed.ts'

/** Dependencies of the listener for clients. */
export interface ListenerDependencies extends AccessLog, PipelineContext {
  /** The snapshot in force. */
  current(this: void): Snapshot
  /** Whether the gateway is stopping. */
  draining(this: void): boolean
  readonly slots: ConnectionSlots
}

/** Milliseconds that clients may take: for a whole request, and between two. */
export interface ListenerTimeouts {
  readonly request: number
  readonly keepAlive: number
}

/** TLS options of the listener. */
export interface ListenerTls {
  readonly context: SecureContextOptions
  /** Milliseconds. */
  readonly handshakeTimeout: number
}

const timeoutPrecision = 250
/**
 * Room for the largest token and 8 KiB of other headers. A connection may hold this much before anyone is authenticated,
 * so it is not larger.
 */
const maxHeaderSize = maxTokenLength + 8 * 1024

/** A listener, and the connections to it. */
export interface Listener {
  readonly server: Server
  readonly connections: Connections
}

/**
 * Makes the listener for MCP clients, not listening yet.
 *
 * @param tls undefined for plain HTTP
 */
export function createListener(dependencies: ListenerDependencies, tls: ListenerTls | undefined): Listener {
  const options = {
    IncomingMessage: BodyRequest,
    maxHeaderSize,
    connectionsCheckingInterval: timeoutPrecision,
    requireHostHeader: false,
  }
  const server = tls === undefined ? createServer(options) : createSecureListener({ ...options, ...tls })
  // By default node:http ignores headers beyond the first thousand, and all of them are judged.
  server.maxHeadersCount = 0
  // A client that ends its side still gets its response. Not in the types of node:http.
  Object.assign(server, { httpAllowHalfOpen: true })
  const connections = followConnections(server, {
    begin(connection, request, response) {
      const exchange = openExchange(request, response, dependencies.current())
      void run(exchange, connection, dependencies)
      return exchange
    },
    onLost: exchange => close(exchange, dependencies),
    onFull: createFullReport(dependencies),
    slots: dependencies.slots,
  })
  const handle = (request: BodyRequest, response: ServerResponse): void =>
    connections.of(request.socket).take(request, response)
  server.on('request', handle)
  server.on('checkContinue', (request: BodyRequest, response: ServerResponse) => {
    request.onWanted = () => askForBody(response)
    handle(request, response)
  })
  server.on('checkExpectation', handle)
  answerUnparsed(server, connections, { ...dependencies, revision: () => dependencies.current().revision })
  return { server, connections }
}

/** Sends `100 Continue` to a client that waits for it, when it is its turn: earlier, it would follow the head of another response. */
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

/** Sets the timeouts, which may change while the listener runs. */
export function setTimeouts(listener: Server, { request, keepAlive }: ListenerTimeouts): void {
  listener.headersTimeout = request
  listener.requestTimeout = request
  listener.keepAliveTimeout = keepAlive
}

/**
 * Makes a TLS listener. The handshake does not enforce client certificates: a client without a valid one gets a response
 * that says so.
 */
function createSecureListener({
  context,
  handshakeTimeout,
  ...options
}: ServerOptions & ListenerTls): Server {
  const listener = createTlsServer({
    ...options,
    ...context,
    allowHalfOpen: true,
    handshakeTimeout,
    requestCert: context.ca !== undefined,
    rejectUnauthorized: false,
  })
  // By default a failed handshake counts as a malformed request, and the response would be sent in clear. Anyone can
  // fail a handshake, so none is logged.
  listener.removeAllListeners('tlsClientError').on('tlsClientError', (_error, socket) => socket.destroy())
  return listener
}

async function run(
  exchange: Exchange,
  connection: ClientConnection,
  dependencies: ListenerDependencies,
): Promise<void> {
  const { response } = exchange
  exchange.snapshot.retain()
  response.on('error', ignore)
  response.on('close', () => {
    if (connection.end(exchange)) close(exchange, dependencies)
  })
  try {
    if (dependencies.draining()) {
      exchange.isTooLate = true
      response.shouldKeepAlive = false
    }
    await serve(exchange, dependencies)
  } catch (error) {
    if (error instanceof Refusal) {
      // It was refused for another reason meanwhile.
      if (exchange.refusal !== undefined) return
      exchange.rule = error.rule
      if (mayHaveId(exchange, error)) {
        exchange.awaitingId = error
        await readId(exchange)
        if (exchange.refusal !== undefined || exchange.isOver) return
      }
      refuse(exchange, error)
      return
    }
    dependencies.log.error('internal_error', {
      requestId: exchange.id,
      error: String((error as Error).stack ?? error),
    })
    refuse(exchange, new Refusal('internal'))
  }
}

/** Ends an exchange, once: its response has ended, or the client has left. */
function close(exchange: Exchange, dependencies: ListenerDependencies): void {
  exchange.isOver = true
  releaseAll(exchange)
  exchange.snapshot.release()
  logExchange(exchange, dependencies)
  exchange.relay?.onClose()
  // The connection keeps its last exchange, which must retain nothing of the response.
  exchange.relay = undefined
}

function ignore(): void {}
