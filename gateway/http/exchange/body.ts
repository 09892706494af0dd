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
 * A request whose body can be read without the stream that it is: node:http pushes every chunk, and what a stream does
 * with it there is a good part of what reading costs. Before it is read, and when that failed, it is a stream as usual.
 */
export class BodyRequest extends IncomingMessage {
  #reading: Reading | undefined
  /** Called before the body is read: some clients wait to be asked for it, and that may have to wait too. */
  onWanted: (() => Promise<void> | undefined) | undefined

  /**
   * Reads the body, never more than it may hold; to be called once.
   *
   * @param limit bytes
   * @returns never settled where the client leaves or reading stops: nobody is answered then, and nothing is to be undone
   * @throws Refusal `body_too_large`, or `overloaded` where too much is held of others
   */
  readBody(limit: number, share: Share): Promise<Buffer> {
    if (Number(this.headers['content-length'] ?? 0) > limit) return Promise.reject(tooLarge(limit))
    const asked = this.onWanted?.()
    return asked === undefined ? this.#read(limit, share) : asked.then(() => this.#read(limit, share))
  }

  #read(limit: number, share: Share): Promise<Buffer> {
    const store = new ByteStore(limit)
    // What came before stands in the stream. To ask for it also tells node:http that the rest is wanted.
    for (let kept: Buffer | null = this.read(); kept !== null; kept = this.read()) {
      if (!store.append(kept)) return Promise.reject(tooLarge(limit))
      if (!share.addBody(kept.length)) return Promise.reject(new Refusal('bodies_held'))
    }
    if (this.complete) return Promise.resolve(store.bytes())
    return new Promise((resolve, reject) => {
      this.#reading = { store, limit, share, resolve, reject }
    })
  }

  /** Leaves what is still to come to the stream; who reads the body hears nothing more. */
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

/** Throws a Refusal `body_too_large` where a body that was read is larger than it may be by now, in bytes. */
export function checkSize(body: Buffer, limit: number): void {
  if (body.length > limit) throw tooLarge(limit)
}

function tooLarge(limit: number): Refusal {
  return new Refusal('body_too_large', { values: { limit } })
}
