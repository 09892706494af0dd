import { openConnection, type Connection, type Endpoint } from './connection.ts'

/** Connections to one origin. */
export interface Connections {
  /** Takes the idle connection that was used last; undefined where none is ready. */
  take(): Connection | undefined
  open(): Connection
  /** Number of connections that are ready from the next turn on. */
  resting(): number
  /** Makes those ready that came to rest in the turn before. */
  turn(): void
  /** Closes those that carry no call, and each of the others when its call has ended. */
  closeAll(): void
  /** Number of connections that are open, idle or not. */
  size(): number
}

/** What the owner of connections is told. */
interface ConnectionEvents {
  onRest(this: void): void
  onClosed(this: void): void
}

/** Number of closed connections that may be left in the list before it is cleaned. */
const maxClosed = 16

/**
 * Makes an empty set. A connection rests for one turn of the event loop before it is used again, so that whatever the
 * upstream sent or closed meanwhile is seen first: what it sent would be taken for the response to another call.
 */
export function createConnections(endpoint: Endpoint, events: ConnectionEvents): Connections {
  /** Closed connections stay in here until it is cleaned. */
  let ready: Connection[] = []
  let resting: Connection[] = []
  let closed = 0
  let open = 0
  let isClosing = false
  const owner = {
    onRest(connection: Connection) {
      if (isClosing) {
        connection.close()
        return
      }
      resting.push(connection)
      events.onRest()
    },
    onGone() {
      open--
      if (++closed > maxClosed && closed > ready.length / 2) {
        ready = ready.filter(connection => connection.isOpen())
        closed = 0
      }
      events.onClosed()
    },
  }
  return {
    take() {
      for (;;) {
        const connection = ready.pop()
        if (connection === undefined || connection.isOpen()) return connection
      }
    },
    open() {
      open++
      return openConnection(endpoint, owner)
    },
    resting: () => resting.length,
    turn() {
      for (const connection of resting) if (connection.isOpen()) ready.push(connection)
      resting = []
    },
    closeAll() {
      isClosing = true
      for (const connection of [...ready, ...resting]) connection.close()
    },
    size: () => open,
  }
}
