import type { IncomingHttpHeaders } from 'node:http'
import { connect, type Socket } from 'node:net'
import { AnswerReader, type AnswerSink } from './answer.ts'
import type { Call, Carrier } from './call.ts'
import { endWatch, noEarlierThan, noLaterThan, watchDeadline, type Timed } from './deadlines.ts'
import type { RequestBytes } from './request-bytes.ts'
import { WireError } from './wire-error.ts'

/** A TCP connection to an upstream that carries one call at a time. */
export interface Connection {
  isOpen(): boolean
  /** Writes a call; to be called while it rests, or has just been opened. */
  carry(call: Call, request: RequestBytes): void
  /** Ends it while it rests. */
  close(): void
}

/** Where connections lead, and how long they are kept; milliseconds. */
export interface Endpoint {
  readonly host: string
  readonly port: number
  readonly connectTimeout: number
  /** How long a connection rests, to an upstream that does not say how long it keeps it itself. */
  readonly keepAlive: number
}

/** What a connection tells its pool. */
export interface Keeper {
  /** It may carry another call. */
  onRest(connection: Connection): void
  onGone(connection: Connection): void
}

/** How long before the upstream would close a connection it is closed here, and how long one rests at most. */
const margin = 2000
const maxIdleMs = 600_000

/**
 * What is read stands here until its reader has copied what it needs, which it does before it returns: one for all
 * connections, because ten thousand silent streams would otherwise keep a buffer each.
 */
const buffer = Buffer.allocUnsafeSlow(64 * 1024)

/** Opens a connection. Whatever is not as it should be closes it for good. */
export function openConnection(endpoint: Endpoint, keeper: Keeper): Connection {
  return new TcpConnection(endpoint, keeper)
}

/** A class, because every stream keeps one: as closures it takes three times the memory. */
class TcpConnection implements Connection, AnswerSink, Carrier, Timed {
  deadline = 0
  readonly #endpoint: Endpoint
  readonly #keeper: Keeper
  readonly #reader = new AnswerReader(this)
  readonly #socket: Socket
  #call: Call | undefined
  #isOpen = true
  #isPaused = false
  /** Milliseconds. */
  #rest: number
  #responseTimer: NodeJS.Timeout | undefined

  constructor(endpoint: Endpoint, keeper: Keeper) {
    const { host, port, connectTimeout, keepAlive } = endpoint
    this.#endpoint = endpoint
    this.#keeper = keeper
    this.#rest = keepAlive
    this.#socket = connect({
      host,
      port,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: 60_000,
      onread: { buffer, callback: length => this.#onRead(length) },
    })
    this.#responseTimer = setTimeout(() => {
      this.#fail(new WireError('connect_timeout', 'the upstream did not take the connection in time'))
    }, connectTimeout)
    const fail = (error: Error | boolean): void => this.#fail(error instanceof Error ? error : closed())
    this.#socket
      .once('connect', () => {
        clearTimeout(this.#responseTimer)
        this.#responseTimer = undefined
      })
      .once('end', () => {
        if (!this.#reader.close()) this.#fail(closed())
      })
      .on('error', fail)
      .once('close', fail)
    watchDeadline(this)
  }

  isOpen(): boolean {
    return this.#isOpen
  }

  carry(call: Call, request: RequestBytes): void {
    this.#call = call
    this.deadline = 0
    call.carryBy(this)
    if (this.#socket.connecting) {
      this.#socket.once('connect', () => this.#write(call, request))
      return
    }
    this.#write(call, request)
  }

  /** Writes a call, unless its handler gives it up now that it would be sent. */
  #write(call: Call, { head, body }: RequestBytes): void {
    call.offer()
    if (call.isOver || this.#call !== call) return
    if (body === null) this.#socket.write(head)
    else {
      this.#socket.cork()
      this.#socket.write(head)
      this.#socket.write(body)
      this.#socket.uncork()
    }
  }

  close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    clearTimeout(this.#responseTimer)
    endWatch(this)
    this.#socket.destroy()
    this.#keeper.onGone(this)
  }

  onHead(status: number, headers: IncomingHttpHeaders): void {
    const call = this.#call
    if (call === undefined) return
    this.#rest = restFor(headers['keep-alive'], this.#endpoint.keepAlive)
    this.deadline = noEarlierThan(call.bodyTimeout)
    call.start(status, headers)
  }

  onBody(bytes: Buffer): void {
    const call = this.#call
    if (call === undefined) return
    this.deadline = noEarlierThan(call.bodyTimeout)
    call.data(bytes)
  }

  onEnd(reusable: boolean): void {
    const call = this.#call
    if (call === undefined) return
    this.#call = undefined
    this.resume()
    // An upstream that answers before it has read the request may take the rest of it for the next one.
    if (reusable && this.#rest > 0 && this.#socket.writableLength === 0) {
      this.deadline = noLaterThan(this.#rest)
      this.#keeper.onRest(this)
    } else this.close()
    call.end()
  }

  pause(): void {
    this.#isPaused = true
    this.deadline = 0
    this.#socket.pause()
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    if (this.#call !== undefined) this.deadline = noEarlierThan(this.#call.bodyTimeout)
    this.#socket.resume()
  }

  drop(): void {
    this.#call = undefined
    this.close()
  }

  onDeadline(): void {
    this.#fail(new WireError('answer_stalled', "the upstream's answer stopped coming"))
  }

  #onRead(length: number): boolean {
    if (this.#call === undefined) this.close()
    else {
      try {
        this.#reader.read(buffer, length)
      } catch (error) {
        this.#fail(error as Error)
      }
    }
    return true
  }

  #fail(error: Error): void {
    const call = this.#call
    this.drop()
    call?.fail(error)
  }
}

/** How long a connection may rest after an answer with this Keep-Alive header. */
function restFor(hint: string | string[] | undefined, otherwise: number): number {
  const [, seconds] = hint === undefined ? [] : (/timeout=(\d{1,9})/i.exec(String(hint)) ?? [])
  return seconds === undefined ? otherwise : Math.min(Number(seconds) * 1000 - margin, maxIdleMs)
}

function closed(): WireError {
  return new WireError('connection_closed', 'the upstream closed the connection before its answer was whole')
}
