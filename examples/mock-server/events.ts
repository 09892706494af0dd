import type { EventStore, JSONRPCMessage } from '@modelcontextprotocol/server'

interface StoredEvent {
  id: string
  streamId: string
  message: JSONRPCMessage
}

/**
 * Keeps the last `capacity` events of one session, so that a client can resume a broken stream with
 * `Last-Event-ID` (MCP 2025-11-25, Streamable HTTP, Resumability). The id of a dropped event is unknown.
 */
export function createEventStore(capacity: number): EventStore {
  const events: StoredEvent[] = []
  let last = 0
  return {
    async storeEvent(streamId, message) {
      const id = String(++last)
      events.push({ id, streamId, message })
      if (events.length > capacity) events.shift()
      return id
    },
    async getStreamIdForEventId(id) {
      return events.find(event => event.id === id)?.streamId
    },
    async replayEventsAfter(lastEventId, { send }) {
      const at = events.findIndex(event => event.id === lastEventId)
      const seen = events[at]
      if (seen === undefined) throw new Error(`The event ${lastEventId} is not kept any more`)
      for (const { id, streamId, message } of events.slice(at + 1)) {
        // The first event of a stream has no message, so there is nothing to repeat.
        if (streamId === seen.streamId && 'jsonrpc' in message) await send(id, message)
      }
      return seen.streamId
    },
  }
}
