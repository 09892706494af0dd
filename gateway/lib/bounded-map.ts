/** A map that drops its oldest entries to stay within its bounds. */
export interface BoundedMap<Key, Value> {
  readonly size: number
  has(key: Key): boolean
  get(key: Key): Value | undefined
  /** Adds or replaces an entry, which then is the newest. */
  set(key: Key, value: Value): void
  delete(key: Key): void
  clear(): void
}

/** Bound on the weight of all entries together. `weigh` returns the same number for a value each time. */
export interface WeightBound<Value> {
  readonly maxWeight: number
  weigh(this: void, value: Value): number
}

const weightless: WeightBound<unknown> = { maxWeight: 0, weigh: () => 0 }
/** Number of additions in a row that drop nothing, after which the iterator goes: it keeps replaced hash tables alive. */
const maxIdleSets = 64

/** Makes an empty map. An entry that outweighs the bound on its own is dropped at once. */
export function createBoundedMap<Key, Value>(
  maxEntries: number,
  { maxWeight, weigh }: WeightBound<Value> = weightless,
): BoundedMap<Key, Value> {
  const entries = new Map<Key, Value>()
  let weight = 0
  // Kept from one drop to the next: a new iterator would step over all entries that were dropped before.
  let oldest: MapIterator<Key> | undefined
  let idleSets = 0

  function drop(key: Key): void {
    const value = entries.get(key)
    if (entries.delete(key)) weight -= weigh(value as Value)
  }

  return {
    get size() {
      return entries.size
    },
    has: key => entries.has(key),
    get: key => entries.get(key),
    set(key, value) {
      drop(key)
      entries.set(key, value)
      weight += weigh(value)
      if (++idleSets > maxIdleSets) oldest = undefined
      while (entries.size > maxEntries || (weight > maxWeight && entries.size > 0)) {
        drop((oldest ??= entries.keys()).next().value!)
        idleSets = 0
      }
    },
    delete: drop,
    clear() {
      entries.clear()
      weight = 0
      oldest = undefined
    },
  }
}
