import {
  changeAnswer,
  changeLongAnswer,
  isLong,
  mustBeRead,
  type AnswerRules,
} from '../../mcp/handles/answers.ts'
import { createEventSplitter, judgedEvent, rewriteEvent } from './sse.ts'

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
  readonly #split: (chunk: Buffer) => Buffer[]
  /** Bytes behind an event that is being changed piece by piece. */
  #waiting: Buffer[] | undefined
  #hasEnded = false
  #isClosed = false

  /** @param limit largest size of one event, in bytes */
  constructor(rules: AnswerRules, sink: EventSink, limit: number) {
    this.#rules = rules
    this.#sink = sink
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

  /** Writes nothing more. */
  close(): void {
    this.#isClosed = true
  }

  #pass(events: readonly Buffer[]): void {
    const changed: (Buffer | string)[] = []
    const rewrite = mustBeRead(this.#rules) ? judgedEvent : rewriteEvent
    try {
      for (const [index, event] of events.entries()) {
        if (isLong(event.length)) {
          this.#waiting = events.slice(index + 1)
          void this.#passLong(event)
          return
        }
        changed.push(rewrite(event, data => changeAnswer(data, this.#rules)))
      }
    } finally {
      this.#write(changed)
    }
  }

  async #passLong(event: Buffer): Promise<void> {
    this.#sink.pause()
    let data: string | undefined
    try {
      // The data of the event is read first, then changed in pieces.
      judgedEvent(event, found => (data = found))
      const changed = data === undefined ? undefined : await changeLongAnswer(data, this.#rules)
      if (this.#isClosed) return
      const isSame = !mustBeRead(this.#rules) && changed === data
      this.#write([isSame ? event : judgedEvent(event, () => changed)])
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
