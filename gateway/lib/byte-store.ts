/** The least that is set aside for more than one chunk. */
const smallest = 4096
const nothing: Buffer = Buffer.alloc(0)

/** Collects chunks in one growing buffer: many tiny chunks must not cost more than their bytes. */
export class ByteStore {
  readonly #limit: number
  #store = nothing
  #size = 0

  /** @param limit the bytes that it may hold */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** Takes a chunk, which is its own from then on; false where there is no room for it. */
  append(chunk: Buffer): boolean {
    const needed = this.#size + chunk.length
    if (needed > this.#limit) return false
    if (this.#size === 0 && isWorthKeeping(chunk)) this.#store = chunk
    else {
      if (needed > this.#store.length) {
        const larger = Buffer.allocUnsafe(Math.min(this.#limit, Math.max(smallest, 2 * needed)))
        this.#store.copy(larger, 0, 0, this.#size)
        this.#store = larger
      }
      chunk.copy(this.#store, this.#size)
    }
    this.#size = needed
    return true
  }

  /** Everything so far; later calls may overwrite it. */
  bytes(): Buffer {
    return this.#size === this.#store.length ? this.#store : this.#store.subarray(0, this.#size)
  }

  /** Forgets everything. */
  clear(): void {
    this.#store = nothing
    this.#size = 0
  }
}

/** Whether a chunk may stand for itself, rather than be copied: it must not keep much more memory than its own. */
function isWorthKeeping(chunk: Buffer): boolean {
  return chunk.length >= smallest || chunk.length === chunk.buffer.byteLength
}
