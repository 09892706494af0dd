/** Smallest buffer for more than one chunk, in bytes. */
const minBufferBytes = 4096
const empty: Buffer = Buffer.alloc(0)

/** Collects chunks in one growing buffer, so that many tiny chunks cost no more memory than their bytes. */
export class ByteStore {
  readonly #limit: number
  #store = empty
  #size = 0

  /** @param limit largest number of bytes */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** Adds a chunk, which the store then owns. Returns false if there is no room. */
  append(chunk: Buffer): boolean {
    const needed = this.#size + chunk.length
    if (needed > this.#limit) return false
    if (this.#size === 0 && isWorthKeeping(chunk)) this.#store = chunk
    else {
      if (needed > this.#store.length) {
        const larger = Buffer.allocUnsafe(Math.min(this.#limit, Math.max(minBufferBytes, 2 * needed)))
        this.#store.copy(larger, 0, 0, this.#size)
        this.#store = larger
      }
      chunk.copy(this.#store, this.#size)
    }
    this.#size = needed
    return true
  }

  /** Returns all bytes; later calls may overwrite them. */
  bytes(): Buffer {
    return this.#size === this.#store.length ? this.#store : this.#store.subarray(0, this.#size)
  }

  /** Drops all bytes. */
  clear(): void {
    this.#store = empty
    this.#size = 0
  }
}

/** Returns whether to keep a chunk without copying it: it must not hold on to much more memory than its own. */
function isWorthKeeping(chunk: Buffer): boolean {
  return chunk.length >= minBufferBytes || chunk.length === chunk.buffer.byteLength
}
