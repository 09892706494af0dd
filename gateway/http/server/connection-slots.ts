/** Counts client connections of all workers against one limit. */
export interface ConnectionSlots {
  isFull(this: void): boolean
  /** Returns the number of connections of this worker. */
  own(this: void): number
  take(this: void): void
  free(this: void): void
  /** @param limit largest number of connections of all workers together */
  setLimit(this: void, limit: number): void
}

/**
 * Makes the counter of one worker.
 *
 * @param counts one cell per worker, in shared memory
 * @param own index of this worker's cell
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
