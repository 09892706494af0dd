import { IncomingMessage } from 'node:http'
import { Refusal } from '../../mcp/errors.ts'
import { ByteStore } from '../../lib/byte-store.ts'
import type { Share } from './usage.ts'

interface Reading {
  readonly store: ByteStore
  readonly limit: number
  readonly share: Share
  resolve(this: void, body: Buffer): void
  reject(this: void, error: Error): void
}

/**
 * A request whose body can be read without its stream: the work of the stream is a good part of the cost of reading. Until
 * `readBody` is called, and after it failed, the request is a stream as usual.
 */
export class BodyRequest extends IncomingMessage {
  #reading: Reading | undefined
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
      if (!store.append(kept)) return Promise.reject(tooLarge(limit))
      if (!share.addBody(kept.length)) return Promise.reject(new Refusal('bodies_held'))
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

  override push(chunk: Buffer | null): boolean {
    const reading = this.#reading
    if (reading === undefined) return super.push(chunk)
    const hasRoom = chunk === null || reading.share.addBody(chunk.length)
    if (chunk !== null && hasRoom && reading.store.append(chunk)) return true
    this.#reading = undefined
    if (chunk === null) reading.resolve(reading.store.bytes())
    else reading.reject(hasRoom ? tooLarge(reading.limit) : new Refusal('bodies_held'))
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
