import type { Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { BodyRequest } from '../exchange/body.ts'
import { ClientConnection, type ConnectionEvents } from './client-connection.ts'
import type { ConnectionSlots } from './connection-slots.ts'
import type { Exchange } from '../exchange/exchange.ts'
import { probeClient } from './half-close.ts'

/** The code of the error by which node:http says that a request takes too long. */
export const timeoutCode = 'ERR_HTTP_REQUEST_TIMEOUT'
/** Milliseconds between two looks at all connections. */
const lookInterval = 250
/**
 * Milliseconds until a client that ended its side is probed for the first time, and between two probes. The reset that one
 * probe brings is seen by the next, and the time between them doubles, as clients are at different distances.
 */
const probeDelay = 200
const minProbeInterval = 100
const maxProbeInterval = 6400
/** Looks that a connection is kept after the gateway ended it, for a client that is still to read the answer. */
const lingerLooks = 4
/** Looks that a client may take nothing of an answer for which no other limit holds: 30 s. */
const stallLooks = 120

/** Events of the connections to a listener. */
export interface ConnectionsOptions {
  begin(this: void, connection: ClientConnection, request: BodyRequest, response: ServerResponse): Exchange
  /** The connection of an exchange is gone before its answer ended. */
  onLost(this: void, exchange: Exchange): void
  /** A connection was refused, or closed to make room for it. */
  onFull(this: void, refused: boolean): void
  readonly slots: ConnectionSlots
}

/** The connections to a listener. */
export interface Connections {
  /** Returns the connection of a request. */
  of(socket: Socket): ClientConnection
  /** Cuts all of them, also those whose TLS handshake is not done. */
  closeAll(): void
}

/**
 * Follows the connections to a listener: bounds their number, lets go of those that the gateway ended and the client does
 * not, and notices clients that left. One timer serves them all, because there may be ten thousand.
 */
export function followConnections(listener: Server, options: ConnectionsOptions): Connections {
  const { slots } = options
  const known = new WeakMap<Socket, ClientConnection>()
  const open = new Set<ClientConnection>()
  /** Sockets without a request yet, TLS handshakes included; the oldest first. */
  const fresh = new Set<Socket>()
  /** How often a connection came between two requests. */
  let rests = 0
  const accepted = new Set<Socket>()
  let timer: NodeJS.Timeout | undefined

  const onBusy = (connection: ClientConnection): void => {
    if (!connection.hasServed) fresh.delete(underlying(connection.socket))
    connection.restsSince = 0
  }
  const onIdle = (connection: ClientConnection): void => {
    connection.restsSince = ++rests
  }

  /** Closes the connection that has been without a request for longest; false where each has one. */
  function makeRoom(): boolean {
    const [socket = maxIdleMs()] = fresh
    if (socket === undefined) return false
    fresh.delete(socket)
    socket.destroy()
    return true
  }

  /** Looked for when it is needed, because a set of them would be rebuilt as calls come and go, and fill the old space. */
  function maxIdleMs(): Socket | undefined {
    let longest: ClientConnection | undefined
    for (const connection of open) {
      const { restsSince, socket } = connection
      if (restsSince === 0 || socket.destroyed) continue
      if (longest === undefined || restsSince < longest.restsSince) longest = connection
    }
    return longest && underlying(longest.socket)
  }

  function accept(socket: Socket): void {
    if (slots.isFull()) {
      const hasRoom = makeRoom()
      options.onFull(!hasRoom)
      if (!hasRoom) {
        socket.destroy()
        return
      }
    }
    slots.take()
    accepted.add(socket)
    fresh.add(socket)
    timer ??= setInterval(look, lookInterval).unref()
    socket.once('close', () => {
      slots.free()
      accepted.delete(socket)
      fresh.delete(socket)
    })
  }

  function follow(socket: Socket): void {
    if (socket.destroyed) return
    const events: ConnectionEvents = {
      begin: (request, response) => options.begin(connection, request, response),
      onBusy,
      onIdle,
      onHold: probeSoon,
    }
    const connection = new ClientConnection(socket, events)
    known.set(socket, connection)
    open.add(connection)
    socket.on('end', onEnd)
    socket.once('close', () => {
      open.delete(connection)
      for (const exchange of connection.close()) options.onLost(exchange)
    })
  }

  function onEnd(this: Socket): void {
    const connection = known.get(this)
    if (connection?.current !== undefined) probeSoon(connection)
  }

  /** A client that leaves is not noticed by itself any more: it has ended its side, or nothing is read. */
  function probeSoon(connection: ClientConnection): void {
    if (connection.isProbed) return
    connection.isProbed = true
    setTimeout(probe, probeDelay, connection, minProbeInterval).unref()
  }

  function probe(connection: ClientConnection, next: number): void {
    const { current, socket, isHeld } = connection
    connection.isProbed = !socket.destroyed && current !== undefined && (isHeld || socket.readableEnded)
    if (!connection.isProbed) return
    probeClient(current!, socket.readableEnded)
    setTimeout(probe, next, connection, Math.min(2 * next, maxProbeInterval)).unref()
  }

  function look(): void {
    if (accepted.size === 0) {
      clearInterval(timer)
      timer = undefined
    }
    for (const connection of open) {
      lookAt(connection)
      if (connection.overdue !== undefined && isTooSlow(connection, listener.headersTimeout)) {
        connection.overdue = undefined
        listener.emit(
          'clientError',
          Object.assign(new Error('too slow'), { code: timeoutCode }),
          connection.socket,
        )
      }
    }
  }

  listener.on('connection', accept)
  // The socket of a request is that of the TLS layer, where there is one.
  listener.on('setSecureContext' in listener ? 'secureConnection' : 'connection', follow)
  return {
    of: socket => known.get(socket)!,
    closeAll() {
      for (const socket of accepted) socket.destroy()
    },
  }
}

function underlying(socket: Socket): Socket {
  // oxlint-disable-next-line no-underscore-dangle -- there is no other way from a TLS socket to the one under it
  return socket instanceof TLSSocket ? ((socket as { _parent?: Socket })._parent ?? socket) : socket
}

/** Whether a request that could not be read on when its time was up has taken as long again since. */
function isTooSlow(connection: ClientConnection, milliseconds: number): boolean {
  const { overdue, isHeld, taken, latest } = connection
  if (isHeld) return false
  if (taken !== overdue!.taken && latest?.request.complete !== false) connection.overdue = undefined
  else overdue!.looks++
  return overdue!.looks * lookInterval > milliseconds
}

/** Cuts the connection of a client that ignores its end, or that takes nothing. */
function lookAt(connection: ClientConnection): void {
  const { socket } = connection
  if (socket.writableFinished) {
    if (++connection.quiet > lingerLooks) socket.destroy()
  } else if (socket.writableLength > 0 && !socket.timeout) {
    const written = socket.bytesWritten - socket.writableLength
    connection.quiet = written === connection.written ? connection.quiet + 1 : 0
    connection.written = written
    if (connection.quiet > stallLooks) socket.destroy()
  } else connection.quiet = 0
}
