import type { EventStore, JSONRPCMessage } from '@modelcontextprotocol/server'

/**
 * Keeps the events of a legacy session as long as the session, so that a broken stream can be resumed with
 * `Last-Event-ID` (2025-11-25, transports, "Resumability and Redelivery").
 */
export function createEventStore(): EventStore {
  const events: { id: string; streamId: string; message: JSONRPCMessage }[] = []
  const indexOf = (id: string): number => events.findIndex(event => event.id === id)

  return {
    async storeEvent(streamId, message) {
      const id = `event-${events.length + 1}`
      events.push({ id, streamId, message })
      return id
    },
    async getStreamIdForEventId(id) {
      return events[indexOf(id)]?.streamId
    },
    async replayEventsAfter(lastEventId, { send }) {
      const last = indexOf(lastEventId)
      const streamId = events[last]?.streamId
      if (streamId === undefined) throw new Error(`Unknown event: ${lastEventId}`)
      for (const event of events.slice(last + 1)) {
        // A stream's first event only carries an id to resume from; it has no message.
        if (event.streamId === streamId && 'jsonrpc' in event.message) await send(event.id, event.message)
      }
      return streamId
    },
  }
}
