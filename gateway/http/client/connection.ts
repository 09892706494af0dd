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
  /** Sends a call. The connection must be idle or just opened. */
  carry(call: Call, request: RequestBytes): void
  /** Closes an idle connection. */
  close(): void
}

/** Origin of connections, and how long they are kept, in milliseconds. */
export interface Endpoint {
  readonly host: string
  readonly port: number
  readonly connectTimeout: number
  /** How long an idle connection is kept if the upstream sends no Keep-Alive header. */
  readonly keepAlive: number
}

/** Events of a connection. */
export interface Keeper {
  /** The connection can carry another call. */
  onRest(connection: Connection): void
  onGone(connection: Connection): void
}

/** Milliseconds by which an idle connection is closed before the upstream would, and the longest idle time. */
const margin = 2000
const maxIdleMs = 600_000

/**
 * Buffer for reads of all connections. The parser copies what it needs before it returns. Otherwise ten thousand silent
 * streams would keep a buffer each.
 */
const buffer = Buffer.allocUnsafeSlow(64 * 1024)

/** Opens a connection. Any error closes it for good. */
export function openConnection(endpoint: Endpoint, keeper: Keeper): Connection {
  return new TcpConnection(endpoint, keeper)
}

/** A class, because every stream keeps one, and closures would take three times the memory. */
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

  /** Sends a call, unless its handler aborts it first. */
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
    // An upstream that responds before it has read the request may take the rest of it for the next one.
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

/** Returns how long a connection may be idle after a response with this Keep-Alive header. */
function restFor(hint: string | string[] | undefined, otherwise: number): number {
  const [, seconds] = hint === undefined ? [] : (/timeout=(\d{1,9})/i.exec(String(hint)) ?? [])
  return seconds === undefined ? otherwise : Math.min(Number(seconds) * 1000 - margin, maxIdleMs)
}

function closed(): WireError {
  return new WireError('connection_closed', 'the upstream closed the connection before its answer was whole')
}
