import { isUtf8 } from 'node:buffer'
import { UnreadableList } from '../mcp/lists.ts'
import { ByteStore } from './byte-store.ts'

const lineFeed = 0x0a
const carriageReturn = 0x0d
const lineFeedByte = Buffer.from([lineFeed])
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf])

/**
 * Cuts a byte stream into server-sent events (WHATWG HTML, event streams), each with the blank line that
 * ends it. A byte order mark at the beginning is dropped, as clients do.
 *
 * @param limit the bytes that one event may have
 * @returns takes a chunk and returns the events that it completes; throws UnreadableList beyond the limit
 */
export function createEventSplitter(limit: number): (chunk: Buffer) => Buffer[] {
  const pending = new ByteStore(limit)
  let atLineStart = true
  let afterReturn = false
  let first = true

  function event(end: Buffer, terminator: number): Buffer {
    hold(end)
    // A line feed may follow in the next chunk, and readers wait for it: it is written now and dropped then.
    if (terminator === carriageReturn) hold(lineFeedByte)
    const whole = Buffer.from(pending.bytes())
    pending.clear()
    const marked = first && whole.subarray(0, 3).equals(byteOrderMark)
    first = false
    return marked ? whole.subarray(3) : whole
  }
  function hold(chunk: Buffer): void {
    if (!pending.append(chunk)) throw new UnreadableList(`an event is larger than ${limit} bytes`)
  }

  return function split(chunk) {
    const events: Buffer[] = []
    let start = 0
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at]!
      if (byte === lineFeed && afterReturn) {
        // The second half of a line break, whose first half has been dealt with.
        afterReturn = false
        if (atLineStart && start === at && pending.bytes().length === 0) start = at + 1
        continue
      }
      afterReturn = byte === carriageReturn
      if (byte !== lineFeed && byte !== carriageReturn) {
        atLineStart = false
        continue
      }
      if (atLineStart) {
        events.push(event(chunk.subarray(start, at + 1), byte))
        start = at + 1
      }
      atLineStart = true
    }
    hold(chunk.subarray(start))
    return events
  }
}

/**
 * Replaces the data of an event, and leaves it as it was where nothing changes. Of an event without data only the id
 * stays, so that the client can resume behind it.
 *
 * @param event one whole event
 * @param change gets the data, returns what shall stand there; undefined takes the data out
 */
export function rewriteEvent(event: Buffer, change: (data: string) => string | undefined): Buffer {
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
  if (changed === undefined) {
    const kept = others.filter(line => line.startsWith('id:') || line.startsWith('retry:'))
    return Buffer.from(kept.length === 0 ? '' : [...kept, '', ''].join('\n'))
  }
  return Buffer.from([...others, ...changed.split('\n').map(line => `data: ${line}`), '', ''].join('\n'))
}

/** An event that carries one JSON-RPC message. */
export function messageEvent(message: string): string {
  return `event: message\ndata: ${message}\n\n`
}

/** Tells, chunk by chunk and without keeping any, whether a stream stands between two events. */
export class BoundaryWatch {
  #tail = '\n\n'
  #hasIds = false

  see(chunk: Buffer): void {
    this.#tail = (this.#tail + chunk.subarray(-4).toString('latin1')).slice(-4)
    this.#hasIds ||= chunk.includes('\nid:') || chunk.subarray(0, 3).toString('latin1') === 'id:'
  }

  atBoundary(): boolean {
    return /(?:\n\n|\r\r|\r\n\r\n)$/.test(this.#tail)
  }

  /** Whether an event had an id. */
  resumable(): boolean {
    return this.#hasIds
  }
}
