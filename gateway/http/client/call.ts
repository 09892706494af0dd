import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher } from 'undici'

/** Carries a call: the connection that it was written to. */
export interface Carrier {
  pause(): void
  resume(): void
  /** Abandons the call; its handler gets no more events. */
  drop(): void
}

/**
 * One request and its response, which ends once: complete, with an error, or aborted by its handler. An exception of the
 * handler is an error of the call. A class, because it is the controller of undici's handlers, and every call has one. It
 * holds nothing of the request, because a stream keeps its call.
 */
export class Call implements Dispatcher.DispatchController {
  /** Milliseconds of silence within the response body; 0 for no limit. */
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

  /** Gives the handler this controller. */
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
