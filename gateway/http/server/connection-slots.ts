/** Counts the connections of clients in all threads against one limit. */
export interface ConnectionSlots {
  isFull(this: void): boolean
  /** Returns how many connections this thread has. */
  own(this: void): number
  take(this: void): void
  free(this: void): void
  /** @param limit number of connections of all threads together */
  setLimit(this: void, limit: number): void
}

/**
 * Makes the counter of one thread.
 *
 * @param counts one cell per thread, in memory that all of them share
 * @param own the index of this thread's cell
 */
export function createConnectionSlots(counts: Int32Array, own: number): ConnectionSlots {
  let limit = Infinity
  return {
    isFull() {
      let total = 0
      for (let index = 0; index < counts.length; index++) total += Atomics.load(counts, index)
      return total >= limit
    },
    own: () => Atomics.load(counts, own),
    take: () => void Atomics.add(counts, own, 1),
    free: () => void Atomics.sub(counts, own, 1),
    setLimit(next) {
      limit = next
    },
  }
}
