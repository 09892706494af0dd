import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { ClientConnection } from './client-connection.ts'
import type { ConnectionSlots } from './connection-slots.ts'

/** Bounds the number of connections to a listener. */
export interface ConnectionLimit {
  /** Takes a connection in; destroys it if there is no room and none can be made. */
  accept(this: void, socket: Socket): void
  /** A connection has a request now. */
  onBusy(this: void, connection: ClientConnection): void
  /** A connection has no request any more. */
  onIdle(this: void, connection: ClientConnection): void
  /** Every connection that is open, TLS handshakes included. */
  readonly accepted: ReadonlySet<Socket>
}

/**
 * Makes the limit of a listener. When it is full, a new connection replaces the one that has been without a request for
 * longest.
 *
 * @param open the connections that can carry requests
 * @param onFull called for a connection that was refused, or closed to make room
 */
export function createConnectionLimit(
  slots: ConnectionSlots,
  open: ReadonlySet<ClientConnection>,
  onFull: (refused: boolean) => void,
): ConnectionLimit {
  /** Sockets before their first request, TLS handshakes included; the oldest first. */
  const fresh = new Set<Socket>()
  const accepted = new Set<Socket>()
  /** Number of times that a connection became idle. */
  let idles = 0

  /** Closes the connection that has been without a request for longest; returns false if every one has a request. */
  function makeRoom(): boolean {
    const [socket = longestIdle(open)] = fresh
    if (socket === undefined) return false
    fresh.delete(socket)
    socket.destroy()
    return true
  }

  return {
    accepted,
    accept(socket) {
      if (slots.isFull()) {
        const hasRoom = makeRoom()
        onFull(!hasRoom)
        if (!hasRoom) {
          socket.destroy()
          return
        }
      }
      slots.take()
      accepted.add(socket)
      fresh.add(socket)
      socket.once('close', () => {
        slots.free()
        accepted.delete(socket)
        fresh.delete(socket)
      })
    },
    onBusy(connection) {
      if (!connection.hasServed) fresh.delete(underlying(connection.socket))
      connection.idleSince = 0
    },
    onIdle(connection) {
      connection.idleSince = ++idles
    },
  }
}

/** Searched when it is needed: a set of idle connections would be rebuilt as calls come and go, in V8's old space. */
function longestIdle(open: ReadonlySet<ClientConnection>): Socket | undefined {
  let longest: ClientConnection | undefined
  for (const connection of open) {
    const { idleSince, socket } = connection
    if (idleSince === 0 || socket.destroyed) continue
    if (longest === undefined || idleSince < longest.idleSince) longest = connection
  }
  return longest && underlying(longest.socket)
}

function underlying(socket: Socket): Socket {
  // oxlint-disable-next-line no-underscore-dangle -- there is no other way from a TLS socket to the one under it
  return socket instanceof TLSSocket ? ((socket as { _parent?: Socket })._parent ?? socket) : socket
}
