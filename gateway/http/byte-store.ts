/** Collects chunks in one growing buffer: many tiny chunks must not cost more than their bytes. */
export interface ByteStore {
  /** Takes a chunk; false where there is no room for it. */
  append(chunk: Buffer): boolean
  /** Everything so far; later calls may overwrite it. */
  bytes(): Buffer
  /** Forgets everything. */
  clear(): void
}

const smallest = 4096
const nothing: Buffer = Buffer.alloc(0)

/** @param limit the bytes that it may hold */
export function createByteStore(limit: number): ByteStore {
  let store = nothing
  let size = 0
  return {
    append(chunk) {
      const needed = size + chunk.length
      if (needed > limit) return false
      if (size === 0 && chunk.length >= smallest) {
        store = chunk
      } else {
        if (needed > store.length || size === 0) {
          const larger = Buffer.allocUnsafe(Math.min(limit, Math.max(smallest, 2 * needed)))
          store.copy(larger, 0, 0, size)
          store = larger
        }
        chunk.copy(store, size)
      }
      size = needed
      return true
    },
    bytes: () => store.subarray(0, size),
    clear() {
      store = nothing
      size = 0
    },
  }
}
