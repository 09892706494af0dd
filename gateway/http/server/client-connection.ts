import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { BodyRequest } from '../exchange/body.ts'
import type { Exchange } from '../exchange/exchange.ts'

/** Largest number of requests of one connection that are served at the same time; the next ones wait, and no more are read. */
const maxInFlight = 4
/** Largest number of requests that are ignored after the last one of a connection; then it is closed. */
const maxIgnored = 100

/** A request with its response. */
export interface Arrival {
  readonly request: BodyRequest
  readonly response: ServerResponse
}

/** Callbacks of a connection. */
export interface ConnectionEvents {
  /** Serves a request. */
  begin(this: void, request: BodyRequest, response: ServerResponse): Exchange
  /** A request has begun on an idle connection. */
  onBusy(this: void, connection: ClientConnection): void
  /** The last request has ended. */
  onIdle(this: void, connection: ClientConnection): void
  /** Reading has stopped until waiting requests have been served. */
  onHold(this: void, connection: ClientConnection): void
}

/**
 * One connection of a client: the requests on it that are served, in order, and those that wait. A class, because each
 * connection has one.
 */
export class ClientConnection {
  readonly socket: Socket
  /** Whether a request was served on it. */
  hasServed = false
  /** Position among idle connections, the longest idle first; 0 while it has a request, and before the first. */
  idleSince = 0
  /** Ticks since something last changed at an end of this connection. */
  quietTicks = 0
  /** Bytes that were written at the last tick. */
  written = -1
  /** A request ran out of time while the connection was held: the number of requests by then, and ticks since. */
  overdue: { readonly taken: number; ticks: number } | undefined
  /** Whether the client is being probed. */
  isProbed = false
  /** Number of requests that were read. */
  taken = 0
  readonly #events: ConnectionEvents
  readonly #open: Exchange[] = []
  #waiting: Arrival[] = []
  #latest: Exchange | undefined
  #isHeld = false
  #ignored = 0

  constructor(socket: Socket, events: ConnectionEvents) {
    this.socket = socket
    this.#events = events
    // node:http closes a connection with its last response. Anything that the client still sends would then reset it
    // before the client has read the response.
    socket.destroySoon = socket.end
  }

  /** The request that was read last, with its response; undefined before the first. */
  get latest(): Arrival | undefined {
    return this.#waiting.at(-1) ?? this.#latest
  }

  /** The exchange whose response is being written. */
  get current(): Exchange | undefined {
    return this.#open[0]
  }

  /** Whether reading has stopped because requests wait. */
  get isHeld(): boolean {
    return this.#isHeld
  }

  /** Serves a request, now or in its turn. Requests behind the last one of a connection are ignored. */
  take(request: BodyRequest, response: ServerResponse): void {
    const { latest } = this
    this.taken++
    if (this.socket.writableEnded || latest?.response.shouldKeepAlive === false) {
      if (++this.#ignored > maxIgnored) this.socket.destroy()
      else request.resume()
      return
    }
    // The parser of node:http stops after such a request.
    if (request.headers.upgrade !== undefined) response.shouldKeepAlive = false
    if (this.#open.length < maxInFlight) {
      this.#start(request, response)
      return
    }
    this.#waiting.push({ request, response })
    this.#hold()
  }

  /** Begins the request that was read last at once, so that it can be refused; returns its exchange. */
  startLatest(): Exchange | undefined {
    const arrival = this.#waiting.pop()
    if (arrival !== undefined) this.#start(arrival.request, arrival.response)
    return this.#latest
  }

  /** Removes an exchange that has ended; returns false if it was removed before. */
  end(exchange: Exchange): boolean {
    const index = this.#open.indexOf(exchange)
    if (index === -1) return false
    if (index === 0) this.#open.shift()
    else this.#open.splice(index, 1)
    if (this.#waiting.length > 0) this.#startNext(exchange)
    if (this.#open.length === 0) this.#events.onIdle(this)
    return true
  }

  /** Removes and returns all exchanges when the connection is gone: node:http does not report that for waiting responses. */
  close(): readonly Exchange[] {
    this.#waiting = []
    this.#latest = undefined
    return this.#open.splice(0)
  }

  #start(request: BodyRequest, response: ServerResponse): void {
    if (this.#open.length === 0) this.#events.onBusy(this)
    this.hasServed = true
    const exchange = this.#events.begin(request, response)
    this.#open.push(exchange)
    this.#latest = exchange
  }

  #startNext({ response }: Exchange): void {
    if (this.socket.destroyed || !response.shouldKeepAlive) {
      this.#waiting = []
      return
    }
    const { request, response: next } = this.#waiting.shift()!
    this.#start(request, next)
    if (this.#waiting.length > 0 || !this.#isHeld) return
    this.#isHeld = false
    this.socket.off('resume', this.#pauseAgain)
    this.socket.resume()
  }

  /** Stops reading. node:http resumes the socket whenever a request on it was read to its end. */
  #hold(): void {
    if (this.#isHeld) return
    this.#isHeld = true
    this.socket.on('resume', this.#pauseAgain)
    this.socket.pause()
    this.#events.onHold(this)
  }

  readonly #pauseAgain = (): void => {
    this.socket.pause()
  }
}
