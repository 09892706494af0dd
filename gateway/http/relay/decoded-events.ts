import {
  changeAnswer,
  changeLongAnswer,
  isLong,
  mayPassInParts,
  mustBeRead,
  type AnswerRules,
} from '../../mcp/handles/answers.ts'
import { UnreadableList } from '../../mcp/lists.ts'
import { atOnce, inPieces } from '../../mcp/pieces.ts'
import { LongEvent } from './long-event.ts'
import { createEventSplitter, EventPart, judgedEvent, rewriteEvent } from './sse.ts'

/** Sink of changed events. A long event delays those behind it. */
export interface EventSink {
  write(bytes: Buffer): void
  /** Called once, if an event cannot be read. */
  fail(error: unknown): void
  /** Called when everything before the end of the stream is written. */
  finish(): void
  pause(): void
  resume(): void
}

/** Decodes a stream of events and changes each by the same rules. A class, because each stream has one. */
export class ChangedEvents {
  readonly #rules: AnswerRules
  readonly #sink: EventSink
  readonly #limit: number
  readonly #split: (chunk: Buffer) => (Buffer | EventPart)[]
  /** Bytes behind an event that is being changed piece by piece. */
  #waiting: (Buffer | EventPart)[] | undefined
  /** The event that is larger than the limit and is being passed on in parts. */
  #long: LongEvent | undefined
  #isInParts = false
  #hasEnded = false
  #isClosed = false

  /** @param limit largest size of an event that is held, in bytes */
  constructor(rules: AnswerRules, sink: EventSink, limit: number) {
    this.#rules = rules
    this.#sink = sink
    this.#limit = limit
    this.#split = createEventSplitter(limit)
  }

  /** Takes a chunk from the upstream. */
  take(chunk: Buffer): void {
    if (this.#isClosed) return
    try {
      const events = this.#split(chunk)
      if (this.#waiting === undefined) this.#pass(events)
      else this.#waiting.push(...events)
    } catch (error) {
      this.#fail(error)
    }
  }

  /** The upstream has ended the stream. */
  end(): void {
    this.#hasEnded = true
    if (this.#waiting === undefined && !this.#isClosed) this.#sink.finish()
  }

  /** Returns whether everything that was written ends with a whole event. */
  atBoundary(): boolean {
    return !this.#isInParts
  }

  /** Writes nothing more. */
  close(): void {
    this.#isClosed = true
  }

  #pass(events: readonly (Buffer | EventPart)[]): void {
    const changed: (Buffer | string)[] = []
    const rewrite = mustBeRead(this.#rules) ? judgedEvent : rewriteEvent
    try {
      for (const [index, event] of events.entries()) {
        const isPart = event instanceof EventPart
        if (isLong(isPart ? event.bytes.length : event.length)) {
          this.#waiting = events.slice(index + 1)
          void this.#passLong(event)
          return
        }
        if (isPart) changed.push(atOnce(this.#changingPart(event)))
        else changed.push(rewrite(event, data => changeAnswer(data, this.#rules)))
      }
    } finally {
      this.#write(changed)
    }
  }

  /** Changes a part of an event that is larger than the limit. Without a judge, it passes unread: its handles are useless. */
  *#changingPart(part: EventPart): Generator<void, Buffer | string> {
    this.#isInParts = !part.isLast
    if (!mustBeRead(this.#rules)) return part.bytes
    if (!mayPassInParts(this.#rules)) throw new UnreadableList(`an event is larger than ${this.#limit} bytes`)
    const event = (this.#long ??= new LongEvent())
    if (part.isLast) this.#long = undefined
    return yield* event.taking(part)
  }

  async #changeLong(event: Buffer): Promise<Buffer | string> {
    // The data of the event is read first, then changed in pieces.
    let data: string | undefined
    judgedEvent(event, found => (data = found))
    const changed = data === undefined ? undefined : await changeLongAnswer(data, this.#rules)
    const isSame = !mustBeRead(this.#rules) && changed === data
    return isSame ? event : judgedEvent(event, () => changed)
  }

  async #passLong(event: Buffer | EventPart): Promise<void> {
    this.#sink.pause()
    try {
      const changed =
        event instanceof EventPart ? await inPieces(this.#changingPart(event)) : await this.#changeLong(event)
      if (this.#isClosed) return
      this.#write([changed])
      const rest = this.#waiting!
      this.#waiting = undefined
      this.#pass(rest)
    } catch (error) {
      this.#fail(error)
      return
    }
    if (this.#waiting !== undefined) return
    if (this.#hasEnded) this.#sink.finish()
    else this.#sink.resume()
  }

  #write(parts: readonly (Buffer | string)[]): void {
    if (this.#isClosed) return
    const bytes = Buffer.concat(parts.map(part => (typeof part === 'string' ? Buffer.from(part) : part)))
    if (bytes.length > 0) this.#sink.write(bytes)
  }

  #fail(error: unknown): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#sink.fail(error)
  }
}
