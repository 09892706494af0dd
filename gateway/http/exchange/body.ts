import { IncomingMessage } from 'node:http'
import { Refusal } from '../../mcp/errors.ts'
import { ByteStore } from '../../lib/byte-store.ts'
import { IdScanner, requestIdIn } from '../../mcp/id-scanner.ts'
import type { Share } from './usage.ts'

/** Longest time to read on for the id of a request that is refused: in total, and while nothing arrives. */
const scanTimeoutMs = 10_000
const scanIdleTimeoutMs = 1000

const nothing: readonly Buffer[] = []

interface Reading {
  readonly store: ByteStore
  readonly limit: number
  readonly share: Share
  resolve(this: void, body: Buffer): void
  reject(this: void, error: Error): void
}

interface Scanning {
  readonly scanner: IdScanner
  readonly timer: NodeJS.Timeout
  /** Milliseconds on the clock of `performance`. */
  readonly until: number
  /** Bytes that may still be read. */
  left: number
  finish(this: void): void
}

/** Reads a chunk, or the end, for the id of a request. */
function scan(scanning: Scanning, chunk: Buffer | null): boolean {
  if (chunk !== null) {
    scanning.scanner.take(chunk)
    scanning.left -= chunk.length
    scanning.timer.refresh()
  }
  if (chunk === null || scanning.left < 0 || performance.now() > scanning.until) scanning.finish()
  return true
}

/**
 * A request whose body can be read without its stream: the work of the stream is a good part of the cost of reading. Until
 * `readBody` is called, and after it failed, the request is a stream as usual.
 */
export class BodyRequest extends IncomingMessage {
  #reading: Reading | undefined
  /** What was read before reading failed. */
  #taken: readonly Buffer[] = nothing
  #scanner: IdScanner | undefined
  #scanning: Scanning | undefined
  /** Called before the body is read, because some clients wait to be asked for it; a promise delays the reading. */
  onWanted: (() => Promise<void> | undefined) | undefined

  /**
   * Reads the body, up to the limit. Call it once.
   *
   * @param limit bytes
   * @returns the body; never settles if the client leaves or reading stops, because no response follows then
   * @throws Refusal `body_too_large`, or `overloaded` if too many bytes of other bodies are held
   */
  readBody(limit: number, share: Share): Promise<Buffer> {
    if (Number(this.headers['content-length'] ?? 0) > limit) return Promise.reject(tooLarge(limit))
    const asked = this.onWanted?.()
    return asked === undefined ? this.#read(limit, share) : asked.then(() => this.#read(limit, share))
  }

  #read(limit: number, share: Share): Promise<Buffer> {
    const store = new ByteStore(limit)
    // Earlier chunks are in the stream. Reading them also tells node:http that the rest is wanted.
    for (let kept: Buffer | null = this.read(); kept !== null; kept = this.read()) {
      const hasRoom = share.addBody(kept.length)
      if (hasRoom && store.append(kept)) continue
      this.#taken = [store.bytes(), kept]
      return Promise.reject(hasRoom ? tooLarge(limit) : new Refusal('bodies_held'))
    }
    if (this.complete) return Promise.resolve(store.bytes())
    return new Promise((resolve, reject) => {
      this.#reading = { store, limit, share, resolve, reject }
    })
  }

  /** Leaves later chunks to the stream; the promise of `readBody` never settles. */
  stopReading(): void {
    this.#reading = undefined
  }

  /**
   * Reads the rest of a body that is refused, without keeping it, for the id of its request.
   *
   * @param limit bytes
   * @returns the id as JSON text; undefined if it cannot be read, or the client waits to be asked for the body
   */
  scanForId(limit: number): Promise<string | undefined> {
    const { 'content-length': length, 'content-encoding': coding } = this.headers
    const isUnreadable = coding !== undefined && coding.toLowerCase() !== 'identity'
    if (isUnreadable || Number(length ?? 0) > limit || this.onWanted !== undefined)
      return Promise.resolve(undefined)
    const scanner = new IdScanner()
    this.#scanner = scanner
    for (const chunk of this.#taken) scanner.take(chunk)
    this.#taken = nothing
    for (let kept: Buffer | null = this.read(); kept !== null; kept = this.read()) scanner.take(kept)
    if (this.complete) return Promise.resolve(scanner.id())
    return new Promise(resolve => {
      const finish = (): void => {
        clearTimeout(timer)
        this.#scanning = undefined
        resolve(scanner.id())
      }
      const timer = setTimeout(finish, scanIdleTimeoutMs)
      this.#scanning = { scanner, timer, finish, left: limit, until: performance.now() + scanTimeoutMs }
    })
  }

  /** Returns the id of the request in the part of the body that has arrived, as JSON text; undefined if it cannot be read. */
  idSoFar(): string | undefined {
    if (this.#scanner !== undefined) return this.#scanner.id()
    if (this.#reading === undefined) return undefined
    return requestIdIn(this.#reading.store.bytes())
  }

  override push(chunk: Buffer | null): boolean {
    const reading = this.#reading
    if (reading === undefined)
      return this.#scanning === undefined ? super.push(chunk) : scan(this.#scanning, chunk)
    const hasRoom = chunk === null || reading.share.addBody(chunk.length)
    if (chunk !== null && hasRoom && reading.store.append(chunk)) return true
    this.#reading = undefined
    if (chunk === null) reading.resolve(reading.store.bytes())
    else {
      this.#taken = [reading.store.bytes(), chunk]
      reading.reject(hasRoom ? tooLarge(reading.limit) : new Refusal('bodies_held'))
    }
    return true
  }
}

/** Throws a Refusal `body_too_large` if a body that was read exceeds the limit, in bytes, that now applies. */
export function checkSize(body: Buffer, limit: number): void {
  if (body.length > limit) throw tooLarge(limit)
}

function tooLarge(limit: number): Refusal {
  return new Refusal('body_too_large', { values: { limit } })
}
