import { foldCase } from '../../mcp/json.ts'
import { listMembers, UnreadableList } from '../../mcp/lists.ts'
import { JsonChecker } from '../../lib/json-checker.ts'
import { escapeBreaks, fieldsOf, judgedEvent, type EventPart } from './sse.ts'

/** Bytes that are read at a time, and the longest text before the data of an event. */
const pieceBytes = 64 * 1024
const maxHead = 4096

const folded = new Map(listMembers.map(name => [foldCase(name), name]))

/**
 * Judges an event that is too large to be held, part by part. The event must be one line of JSON, a single message. It may
 * hold any result except a list, which could not be filtered: the stream ends there, before the client has the whole event.
 * Its methods throw UnreadableList.
 */
export class LongEvent {
  readonly #decoder = new TextDecoder('utf-8', { fatal: true })
  readonly #checker = new JsonChecker((name, depth) => this.#checkName(name, depth))
  #head = ''
  #place: 'head' | 'data' | 'end' = 'head'
  /** The member of the message that is being read, and whether it has a result. */
  #member = ''
  #hasResult = false

  #checkName(name: string, depth: number): void {
    const plain = foldCase(name)
    if (depth === 1) {
      this.#member = plain
      if (plain !== 'result') return
      if (name !== plain || this.#hasResult) throw new UnreadableList('the member result is ambiguous')
      this.#hasResult = true
    } else if (this.#member === 'result' && folded.has(plain))
      throw new UnreadableList(`it has the list ${folded.get(plain)}, and is too large to be filtered`)
  }

  /** Takes the next part, and yields after each piece of it; returns the text to send. */
  *taking({ bytes, isLast }: EventPart): Generator<void, string> {
    let out = ''
    try {
      for (let at = 0; at < bytes.length; at += pieceBytes) {
        out += this.#take(this.#decoder.decode(bytes.subarray(at, at + pieceBytes), { stream: true }))
        yield
      }
      if (!isLast) return out
      if (this.#place !== 'end') unreadable()
      this.#checker.end()
      return `${out}\n\n`
    } catch (cause) {
      if (cause instanceof UnreadableList) throw cause
      throw new UnreadableList('the message is not valid JSON', { cause })
    }
  }

  #take(text: string): string {
    let out = ''
    let rest = text
    if (this.#place === 'head') {
      this.#head += rest
      const [fields, data] = splitHead(this.#head)
      if (data === undefined) return ''
      this.#head = ''
      this.#place = 'data'
      out = fields
      rest = data
    }
    if (this.#place === 'data') {
      const end = rest.search(/[\r\n]/)
      const json = end === -1 ? rest : rest.slice(0, end)
      this.#checker.feed(json)
      out += escapeBreaks(json)
      if (end === -1) return out
      this.#place = 'end'
      rest = rest.slice(end)
    }
    if (/[^\r\n]/.test(rest)) unreadable()
    return out
  }
}

/** Splits the text before the data of an event off; the data is undefined if it has not begun. */
function splitHead(text: string): [fields: string, data: string | undefined] {
  const begin = /(?:^|[\r\n])data:(?: |(?=[^ ]))/.exec(text)
  if (begin === null) {
    if (text.length > maxHead) unreadable()
    return ['', undefined]
  }
  const { index } = begin
  const { event } = fieldsOf(Buffer.from(text.slice(0, index)))
  if (index > maxHead || (event !== undefined && event !== 'message')) unreadable()
  const data = text.slice(index + begin[0].length)
  // A batch, or whatever else is not one message.
  if (!/^[ \t]*\{/.test(data)) unreadable()
  const fields = judgedEvent(Buffer.from(`${text.slice(0, index)}\n\n`), () => undefined)
  const type = event === undefined ? '' : 'event: message\n'
  return [`${type}${fields.replace(/\n$/, '')}data: `, data]
}

function unreadable(): never {
  throw new UnreadableList('a long event is not one message on one line')
}
