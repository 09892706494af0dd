import { isUtf8 } from 'node:buffer'
import { UnreadableList } from '../mcp/lists.ts'

const lineFeed = 0x0a
const carriageReturn = 0x0d

/**
 * Cuts a byte stream into server-sent events (WHATWG HTML, event streams), each with the blank line that
 * ends it.
 *
 * @param limit the bytes that one event may have
 * @returns takes a chunk and returns the events that it completes; throws UnreadableList beyond the limit
 */
export function createEventSplitter(limit: number): (chunk: Buffer) => Buffer[] {
  let pending: Buffer = Buffer.alloc(0)
  let scanned = 0
  let atLineStart = true
  return function split(chunk) {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk])
    const events: Buffer[] = []
    let start = 0
    let at = scanned
    while (at < pending.length) {
      const byte = pending[at++]!
      if (byte !== lineFeed && byte !== carriageReturn) {
        atLineStart = false
        continue
      }
      if (byte === carriageReturn && pending[at] === lineFeed) at++
      if (atLineStart) {
        events.push(pending.subarray(start, at))
        start = at
      }
      atLineStart = true
    }
    pending = pending.subarray(start)
    scanned = pending.length
    if (pending.length > limit) throw new UnreadableList(`an event is larger than ${limit} bytes`)
    return events
  }
}

/**
 * Replaces the data of an event, and leaves it as it was where nothing changes.
 *
 * @param event one whole event
 * @param change gets the data, returns what shall stand there
 */
export function rewriteEvent(event: Buffer, change: (data: string) => string): Buffer {
  if (!isUtf8(event)) throw new UnreadableList('an event is not valid UTF-8')
  const lines = event.toString('utf8').split(/\r\n|\r|\n/)
  const isData = (line: string): boolean => line === 'data' || line.startsWith('data:')
  const data = lines
    .filter(isData)
    .map(line => line.slice(5).replace(/^ /, ''))
    .join('\n')
  if (data.trim() === '') return event
  const changed = change(data)
  if (changed === data) return event
  const others = lines.filter(line => line !== '' && !isData(line))
  return Buffer.from([...others, ...changed.split('\n').map(line => `data: ${line}`), '', ''].join('\n'))
}

/** An event that carries one JSON-RPC message. */
export function messageEvent(message: string): string {
  return `event: message\ndata: ${message}\n\n`
}

/** Tells, chunk by chunk and without keeping any, whether a stream stands between two events. */
export function createBoundaryWatch(): { see(chunk: Buffer): void; atBoundary(): boolean; resumable(): boolean } {
  let tail = '\n\n'
  let hasIds = false
  return {
    see(chunk) {
      tail = (tail + chunk.subarray(-4).toString('latin1')).slice(-4)
      hasIds ||= chunk.includes('\nid:') || chunk.subarray(0, 3).toString('latin1') === 'id:'
    },
    atBoundary: () => /(?:\n\n|\r\r|\r\n\r\n)$/.test(tail),
    resumable: () => hasIds,
  }
}
