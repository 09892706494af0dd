import { errorMessage, Refusal } from '../../mcp/errors.ts'
import type { Principal } from '../../auth/principal.ts'
import type { AnswerRules } from '../../mcp/handles/answers.ts'
import { AnswerWatch } from './answer-watch.ts'
import { ChangedEvents, type EventSink } from './decoded-events.ts'
import { atEndOfTurn } from '../../lib/end-of-turn.ts'
import { errorContext, type AdmittedExchange } from '../exchange/exchange.ts'
import { lateRules } from '../exchange/handles.ts'
import type { ServedProxy } from '../exchange/snapshot.ts'
import { BoundaryWatch, messageEvent } from './sse.ts'
import { tickMs, type OpenStream } from '../exchange/streams.ts'
import { beginsWithEndpoint, unreadable } from './upstream-refusal.ts'

/** What an event stream asks of its response. */
export interface StreamedAnswer {
  readonly listening: boolean
  /** Releases everything; with a reason, also aborts the upstream call. */
  close(reason: Error | undefined): void
  /** Ends the response and releases everything. */
  end(): void
  pause(): void
  resume(): void
}

/** Largest size of one event that is held to be changed, in bytes. */
const maxEvent = 8 * 1024 * 1024

/** An event stream on its way to the client. A class, because there may be ten thousand. */
export class EventStream implements OpenStream, EventSink {
  readonly #exchange: AdmittedExchange
  readonly #answer: StreamedAnswer
  readonly proxy: ServedProxy
  readonly #boundary = new BoundaryWatch()
  /** Undefined if the stream answers no request. */
  readonly #watch: AnswerWatch | undefined
  #changed: ChangedEvents | undefined
  /** Whether the client may expect HTTP+SSE: it sent neither a version nor a session. */
  readonly #mayBeHttpSse: boolean
  #isOpen = true
  /** Whether a chunk was written, and with it the response head. */
  #begun = false
  /** Whether writes wait for the end of this turn of the event loop. */
  #isGathering = false
  /** Whether anything was written since the last tick; if not, `#silentSince` is when the silence began. */
  #hasSpoken = true
  #silentSince = 0

  /** @param rules how events are changed; undefined if they pass unchanged */
  constructor(
    exchange: AdmittedExchange,
    proxy: ServedProxy,
    rules: AnswerRules | undefined,
    answer: StreamedAnswer,
  ) {
    this.#exchange = exchange
    this.proxy = proxy
    this.#answer = answer
    const { method, headers } = exchange.request
    this.#mayBeHttpSse =
      method === 'GET' && (headers['mcp-protocol-version'] ?? headers['mcp-session-id']) === undefined
    const { length } = exchange.requestIds
    if (length > 0) this.#watch = new AnswerWatch(length)
    if (rules !== undefined) this.#changed = new ChangedEvents(rules, this, maxEvent)
    this.#gather()
  }

  get principal(): Principal {
    return this.#exchange.principal
  }

  get method(): string | undefined {
    return this.#exchange.method
  }

  get listening(): boolean {
    return this.#answer.listening
  }

  /** Takes a chunk from the upstream. */
  take(chunk: Buffer): void {
    if (!this.#begun && this.#mayBeHttpSse && beginsWithEndpoint(chunk)) {
      this.#refuseTransport()
      return
    }
    if (this.#changed === undefined) {
      const rules = lateRules(this.#exchange, chunk)
      if (rules !== undefined && this.#boundary.atBoundary())
        this.#changed = new ChangedEvents(rules, this, maxEvent)
    }
    this.#boundary.see(chunk)
    if (this.#changed === undefined) this.write(chunk)
    else this.#changed.take(chunk)
  }

  /** The upstream has ended the stream. */
  onUpstreamEnd(): void {
    if (this.#changed === undefined) this.finish()
    else this.#changed.end()
  }

  /** The upstream failed. */
  onUpstreamError(refusal: Refusal): void {
    if (this.#isAnswered() && this.#canInsert()) this.finish()
    else if (this.#isResumable()) this.#cut(refusal)
    else this.end(refusal)
  }

  /** Probes whether the client is still there. A client that ended its side no longer waits for notifications. */
  probe(hasEnded: boolean): void {
    if (hasEnded && this.listening) this.#exchange.response.destroy()
    else if (this.#canInsert()) this.#exchange.response.write(': keep-alive\n\n')
  }

  /** Writes a comment if the next tick would be too late, unless the client reads nothing anyway. */
  tick(now: number): void {
    const { response } = this.#exchange
    if (this.#hasSpoken) {
      this.#hasSpoken = false
      this.#silentSince = now - tickMs
    } else if (now + tickMs - this.#silentSince > this.proxy.keepAlive) {
      this.#silentSince = now
      if (!response.writableNeedDrain && this.#canInsert()) response.write(': keep-alive\n\n')
    }
  }

  /**
   * Ends the stream, with an error for every request that has no response, if one can still be sent. A request never gets a
   * second response.
   */
  end(refusal: Refusal): void {
    const { response, requestIds } = this.#exchange
    const answered = this.#watch?.answered() ?? 'yes'
    if (answered === 'maybe' || !this.#canInsert()) {
      this.#cut(refusal)
      return
    }
    this.#note(refusal)
    for (const requestId of answered === 'yes' ? [] : requestIds) {
      response.write(messageEvent(errorMessage(refusal, requestId, errorContext(this.#exchange))))
    }
    this.#answer.close(refusal)
    response.end()
  }

  /** Writes nothing more. */
  close(): void {
    this.#isOpen = false
    this.#changed?.close()
  }

  // Sink of changed events.

  /** Writes to the stream, in one write for all chunks at hand, because each write costs a system call. */
  write(bytes: Buffer): void {
    this.#gather()
    this.#hasSpoken = true
    this.#begun = true
    this.#watch?.see(bytes)
    this.#exchange.response.write(bytes)
  }

  fail(error: unknown): void {
    this.end(unreadable(error))
  }

  finish(): void {
    if (this.#watch?.answered() === 'no' && !this.#isResumable()) this.end(new Refusal('upstream_no_answer'))
    else this.#answer.end()
  }

  pause(): void {
    this.#answer.pause()
  }

  resume(): void {
    this.#answer.resume()
  }

  /** Gathers the chunks of this turn into one write: the first event, or even the last, mostly comes along with the head. */
  #gather(): void {
    const { response } = this.#exchange
    if (this.#isGathering) return
    this.#isGathering = true
    response.cork()
    atEndOfTurn(() => {
      this.#isGathering = false
      if (response.writableEnded || response.destroyed) return
      if (!this.#isOpen) response.end()
      else {
        if (!this.#begun) response.flushHeaders()
        response.uncork()
      }
    })
  }

  /** Returns whether the client's side of the stream is between two events. */
  #canInsert(): boolean {
    return this.#changed?.atBoundary() ?? this.#boundary.atBoundary()
  }

  #refuseTransport(): void {
    const refusal = new Refusal('upstream_transport')
    this.write(Buffer.from(messageEvent(errorMessage(refusal, null, errorContext(this.#exchange)))))
    this.end(refusal)
  }

  #isAnswered(): boolean {
    return this.#watch?.answered() === 'yes'
  }

  /**
   * Returns whether the client can resume the stream: it is a legacy stream with event ids (MCP 2025-11-25, Resumability).
   * An error would end the client's request.
   */
  #isResumable(): boolean {
    return this.#exchange.era !== 'modern' && this.#boundary.resumable()
  }

  /** Keeps the reason for the log. */
  #note(refusal: Refusal): void {
    this.#exchange.refusal ??= refusal
    if (refusal.rule !== undefined) this.#exchange.rule = refusal.rule
  }

  #cut(refusal: Refusal): void {
    this.#note(refusal)
    this.#answer.close(refusal)
    this.#exchange.response.destroy()
  }
}
