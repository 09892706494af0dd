import { isUtf8 } from 'node:buffer'
import { UnreadableList } from '../../mcp/lists.ts'
import { ByteStore } from '../../lib/byte-store.ts'

const lineFeed = 0x0a
const carriageReturn = 0x0d
const lineFeedByte = Buffer.from([lineFeed])
const nothing = Buffer.alloc(0)
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf])

/** A part of an event that is larger than the limit of its splitter. */
export class EventPart {
  readonly bytes: Buffer
  readonly isLast: boolean

  constructor(bytes: Buffer, isLast: boolean) {
    this.bytes = bytes
    this.isLast = isLast
  }
}

/**
 * Splits a byte stream into server-sent events (WHATWG HTML, event streams), each with the blank line that ends it. A byte
 * order mark at the start is dropped, as clients do.
 *
 * @param limit largest size of a whole event, in bytes; larger ones are returned in parts
 * @returns takes a chunk and returns the events that it completes
 */
export function createEventSplitter(limit: number): (chunk: Buffer) => (Buffer | EventPart)[] {
  const pending = new ByteStore(limit)
  let atLineStart = true
  let afterReturn = false
  let first = true
  let inParts = false
  let events: (Buffer | EventPart)[] = []

  function event(end: Buffer, terminator: number): void {
    hold(end)
    // A line feed may follow in the next chunk, and readers wait for it: it is written now and dropped later.
    if (terminator === carriageReturn) hold(lineFeedByte)
    events.push(inParts ? new EventPart(nothing, true) : unmarked(Buffer.from(pending.bytes())))
    pending.clear()
    inParts = false
  }
  function unmarked(bytes: Buffer): Buffer {
    const isMarked = first && bytes.subarray(0, 3).equals(byteOrderMark)
    first = false
    return isMarked ? bytes.subarray(3) : bytes
  }
  function hold(chunk: Buffer): void {
    if (inParts) {
      if (chunk.length > 0) events.push(new EventPart(chunk, false))
    } else if (!pending.append(chunk)) {
      inParts = true
      events.push(new EventPart(unmarked(Buffer.concat([pending.bytes(), chunk])), false))
      pending.clear()
    }
  }

  return function split(chunk) {
    events = []
    let start = 0
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at]!
      if (byte === lineFeed && afterReturn) {
        // The second half of a line break; the first half was handled before.
        afterReturn = false
        if (atLineStart && start === at && !inParts && pending.bytes().length === 0) start = at + 1
        continue
      }
      afterReturn = byte === carriageReturn
      if (byte !== lineFeed && byte !== carriageReturn) {
        atLineStart = false
        continue
      }
      if (atLineStart) {
        event(chunk.subarray(start, at + 1), byte)
        start = at + 1
      }
      atLineStart = true
    }
    hold(chunk.subarray(start))
    return events
  }
}

/** Fields of one event (WHATWG HTML, event stream interpretation). */
interface Fields {
  readonly event: string | undefined
  readonly id: string | undefined
  readonly retry: string | undefined
  /** Undefined if there is no such field. */
  readonly data: string | undefined
}

/** Characters that some readers take for a line break, though event streams do not, or for the end of a string. */
// oxlint-disable-next-line no-control-regex
const ambiguous = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\ufeff]/
const escaped: Readonly<Record<string, string>> = {
  '\u0085': '\\u0085',
  '\u2028': '\\u2028',
  '\u2029': '\\u2029',
  '\ufeff': '\\ufeff',
}

/**
 * Writes an event anew, with changed data and only the fields of the standard: some reader might take anything else, or a
 * comment, for data. Of an event without data only the id remains, so that the client can resume after it. An event of
 * another type than `message` that carries no JSON keeps its data.
 *
 * @param event one whole event
 * @param change takes the data and returns the new data; undefined removes it
 * @returns empty if nothing is left
 */
export function judgedEvent(event: Buffer, change: (data: string) => string | undefined): string {
  const { event: type, id, retry, data } = fieldsOf(event)
  const isBlank = data === undefined || data.trim() === ''
  const isPlain = !isBlank && isPlainEvent(type, data)
  const changed = isBlank ? data && '' : isPlain ? plainData(type, data) : change(data)
  const lines = [
    ...(type === undefined || ambiguous.test(type) || changed === undefined ? [] : [`event: ${type}`]),
    ...(id === undefined || ambiguous.test(id) ? [] : [`id: ${id}`]),
    ...(retry === undefined || !/^\d{1,15}$/.test(retry) ? [] : [`retry: ${retry}`]),
    ...(changed === undefined ? [] : dataLines(changed, isPlain)),
  ]
  return lines.length === 0 ? '' : [...lines, '', ''].join('\n')
}

/** Longest data that is parsed only to learn whether it is JSON. */
const maxTriedLength = 64 * 1024

/**
 * Returns whether an event carries no JSON-RPC: its type is not `message`, and its data is not JSON. Servers send pings,
 * times and endpoints in this way. Data of another type that is JSON is judged, because some clients ignore types.
 */
function isPlainEvent(type: string | undefined, data: string): boolean {
  if (type === undefined || type === '' || type === 'message') return false
  if (!data.includes('{')) return true
  if (data.length > maxTriedLength) return false
  try {
    JSON.parse(data)
    return false
  } catch {
    return true
  }
}

/** Returns the data to send of a plain event; undefined if a lenient reader might find a JSON object in it. */
function plainData(type: string | undefined, data: string): string | undefined {
  return data.includes('{') || ambiguous.test(type ?? '') ? undefined : data
}

/** Escapes the characters of a JSON text that some readers take for line breaks. They are in strings only. */
export function escapeBreaks(json: string): string {
  return json.replaceAll(/[\u0085\u2028\u2029\ufeff]/g, character => escaped[character]!)
}

function dataLines(data: string, isPlain: boolean): string[] {
  const safe = isPlain ? data : escapeBreaks(data)
  return safe.split('\n').map(line => `data: ${line}`)
}

/** Returns the fields of an event. Throws UnreadableList if it is not UTF-8. */
export function fieldsOf(event: Buffer): Fields {
  if (!isUtf8(event)) throw new UnreadableList('an event is not valid UTF-8')
  const found: Record<string, string> = {}
  for (const line of event.toString('utf8').split(/\r\n|\r|\n/)) {
    const colon = line.indexOf(':')
    const name = colon === -1 ? line : line.slice(0, colon)
    const value = colon === -1 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1)
    if (name === 'data' && found['data'] !== undefined) found['data'] += `\n${value}`
    else if (name === 'data' || name === 'event' || name === 'id' || name === 'retry') found[name] = value
  }
  return { event: found['event'], id: found['id'], retry: found['retry'], data: found['data'] }
}

/**
 * Replaces the data of an event; leaves the event as it was if nothing changes. Use it for events that may pass unread, and
 * {@link judgedEvent} for those that may not.
 *
 * @param event one whole event
 * @param change takes the data and returns the new data; undefined removes it
 */
export function rewriteEvent(event: Buffer, change: (data: string) => string | undefined): Buffer | string {
  const { data } = fieldsOf(event)
  if (data === undefined || data.trim() === '') return event
  const changed = change(data)
  return changed === data ? event : judgedEvent(event, () => changed)
}

/** An event that carries one JSON-RPC message. */
export function messageEvent(message: string): string {
  return `event: message\ndata: ${message}\n\n`
}

/** Tracks whether a stream is between two events, chunk by chunk and without keeping any. */
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
