import {
  changeAnswer,
  changeLongAnswer,
  isLong,
  mustBeRead,
  type AnswerRules,
} from '../../mcp/handles/answers.ts'
import { createEventSplitter, judgedEvent, rewriteEvent } from './sse.ts'

/** Where changed events go; what is long keeps those behind it waiting. */
export interface EventSink {
  write(bytes: Buffer): void
  /** Called once, where an event cannot be read. */
  fail(error: unknown): void
  /** Called when all is written that came before the end. */
  finish(): void
  pause(): void
  resume(): void
}

/** A stream of events on its way to the client, each changed by the same rules. A class: there is one for each stream. */
export class ChangedEvents {
  readonly #rules: AnswerRules
  readonly #sink: EventSink
  readonly #split: (chunk: Buffer) => Buffer[]
  /** What came behind an event that is being changed piece by piece. */
  #waiting: Buffer[] | undefined
  #hasEnded = false
  #isClosed = false

  /** @param limit bytes of one event */
  constructor(rules: AnswerRules, sink: EventSink, limit: number) {
    this.#rules = rules
    this.#sink = sink
    this.#split = createEventSplitter(limit)
  }

  /** Takes what the upstream sent. */
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
      // What the event says is found out first, and changed in pieces then.
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
