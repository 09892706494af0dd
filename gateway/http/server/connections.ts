import type { Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { BodyRequest } from '../exchange/body.ts'
import type { Exchange } from '../exchange/exchange.ts'
import { ClientConnection, type ConnectionEvents } from './client-connection.ts'
import { createConnectionLimit } from './connection-limit.ts'
import type { ConnectionSlots } from './connection-slots.ts'
import { probeSoon } from './half-close.ts'

/** The code of the error that node:http reports when a request takes too long. */
export const timeoutCode = 'ERR_HTTP_REQUEST_TIMEOUT'
const tickMs = 250
/** Ticks that a connection is kept after the gateway ended it, so that the client can read the response. */
const lingerTicks = 4
/** Ticks that a client may read nothing of a response to which no other limit applies: 30 s. */
const stallTicks = 120

/** Events of the connections to a listener. */
export interface ConnectionsOptions {
  begin(this: void, connection: ClientConnection, request: BodyRequest, response: ServerResponse): Exchange
  /** The connection of an exchange closed before its response ended. */
  onLost(this: void, exchange: Exchange): void
  /** A connection was refused, or closed to make room for it. */
  onFull(this: void, refused: boolean): void
  readonly slots: ConnectionSlots
}

/** The connections to a listener. */
export interface Connections {
  /** Returns the connection of a request. */
  of(socket: Socket): ClientConnection
  /** Closes all of them, including those in a TLS handshake. */
  closeAll(): void
}

/**
 * Follows the connections to a listener: limits their number, closes those that the gateway ended and the client did not,
 * and notices clients that left. One timer serves them all, because there may be ten thousand.
 */
export function followConnections(listener: Server, options: ConnectionsOptions): Connections {
  const known = new WeakMap<Socket, ClientConnection>()
  const open = new Set<ClientConnection>()
  const limit = createConnectionLimit(options.slots, open, options.onFull)
  let timer: NodeJS.Timeout | undefined

  function accept(socket: Socket): void {
    timer ??= setInterval(tick, tickMs).unref()
    limit.accept(socket)
  }

  function follow(socket: Socket): void {
    if (socket.destroyed) return
    const events: ConnectionEvents = {
      begin: (request, response) => options.begin(connection, request, response),
      onBusy: limit.onBusy,
      onIdle: limit.onIdle,
      onHold: probeSoon,
    }
    const connection = new ClientConnection(socket, events)
    known.set(socket, connection)
    open.add(connection)
    socket.on('end', () => {
      if (connection.current !== undefined) probeSoon(connection)
    })
    socket.once('close', () => {
      open.delete(connection)
      for (const exchange of connection.close()) options.onLost(exchange)
    })
  }

  function tick(): void {
    if (limit.accepted.size === 0) {
      clearInterval(timer)
      timer = undefined
    }
    for (const connection of open) {
      closeIfStalled(connection)
      if (connection.overdue === undefined || !isTooSlow(connection, listener.headersTimeout)) continue
      connection.overdue = undefined
      const error = Object.assign(new Error('too slow'), { code: timeoutCode })
      listener.emit('clientError', error, connection.socket)
    }
  }

  listener.on('connection', accept)
  // The socket of a request is that of the TLS layer, if there is one.
  listener.on('setSecureContext' in listener ? 'secureConnection' : 'connection', follow)
  return {
    of: socket => known.get(socket)!,
    closeAll() {
      for (const socket of limit.accepted) socket.destroy()
    },
  }
}

/** Returns whether a request that was held when its time was up has taken as long again since. */
function isTooSlow(connection: ClientConnection, timeoutMs: number): boolean {
  const { overdue, isHeld, taken, latest } = connection
  if (isHeld) return false
  if (taken !== overdue!.taken && latest?.request.complete !== false) connection.overdue = undefined
  else overdue!.ticks++
  return overdue!.ticks * tickMs > timeoutMs
}

/** Closes the connection of a client that ignores its end, or reads nothing. */
function closeIfStalled(connection: ClientConnection): void {
  const { socket } = connection
  if (socket.writableFinished) {
    if (++connection.quietTicks > lingerTicks) socket.destroy()
  } else if (socket.writableLength > 0 && !socket.timeout) {
    const written = socket.bytesWritten - socket.writableLength
    connection.quietTicks = written === connection.written ? connection.quietTicks + 1 : 0
    connection.written = written
    if (connection.quietTicks > stallTicks) socket.destroy()
  } else connection.quietTicks = 0
}
