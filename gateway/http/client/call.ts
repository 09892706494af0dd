import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher } from 'undici'

/** Carries a call: the connection that it was written to. */
export interface Carrier {
  pause(): void
  resume(): void
  /** Gives the call up; nothing more is told to it. */
  drop(): void
}

/**
 * One request and its answer, which ends once: whole, with an error, or given up by its handler. What the handler
 * throws is an error of the call. A class, because it is the controller that handlers of undici drive, and one is
 * made for every call. It holds nothing of the request, because streams hold their call for as long as they last.
 */
export class Call implements Dispatcher.DispatchController {
  /** Milliseconds of silence within the body of the answer; 0 for any. */
  readonly bodyTimeout: number
  aborted = false
  paused = false
  reason: Error | null = null
  isOver = false
  readonly #handler: Dispatcher.DispatchHandler
  #carrier: Carrier | undefined

  constructor(bodyTimeout: number, handler: Dispatcher.DispatchHandler) {
    this.bodyTimeout = bodyTimeout
    this.#handler = handler
  }

  abort(reason: Error): void {
    if (this.isOver) return
    this.aborted = true
    this.reason = reason
    this.#giveUp(reason)
  }

  pause(): void {
    if (this.isOver || this.paused) return
    this.paused = true
    this.#carrier?.pause()
  }

  resume(): void {
    if (this.isOver || !this.paused) return
    this.paused = false
    this.#carrier?.resume()
  }

  /** Shows the handler this controller. */
  offer(): void {
    try {
      this.#handler.onRequestStart?.(this, undefined)
    } catch (error) {
      this.fail(error as Error)
    }
  }

  carryBy(carrier: Carrier): void {
    this.#carrier = carrier
    if (this.paused) carrier.pause()
  }

  start(status: number, headers: IncomingHttpHeaders): void {
    try {
      this.#handler.onResponseStart?.(this, status, headers)
    } catch (error) {
      this.#giveUp(error as Error)
    }
  }

  data(bytes: Buffer): void {
    try {
      this.#handler.onResponseData?.(this, bytes)
    } catch (error) {
      this.#giveUp(error as Error)
    }
  }

  end(): void {
    this.isOver = true
    try {
      this.#handler.onResponseEnd?.(this, {})
    } catch (error) {
      this.#handler.onResponseError?.(this, error as Error)
    }
  }

  fail(error: Error): void {
    if (this.isOver) return
    this.isOver = true
    this.#handler.onResponseError?.(this, error)
  }

  #giveUp(error: Error): void {
    this.#carrier?.drop()
    this.fail(error)
  }
}
