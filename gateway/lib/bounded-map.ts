/** Bound on the weight of all entries together. `weigh` returns the same number for a value each time. */
export interface WeightBound<Value> {
  readonly maxWeight: number
  weigh(this: void, value: Value): number
}

const weightless: WeightBound<unknown> = { maxWeight: 0, weigh: () => 0 }
/** Number of additions in a row that drop nothing, after which the iterator goes: it keeps replaced hash tables alive. */
const maxIdleSets = 64

/**
 * A map that drops its oldest entries to stay within its bounds. An entry that outweighs the bound on its own is dropped at
 * once. A class, because look-ups in closures cost twice as much.
 */
export class BoundedMap<Key, Value> {
  readonly #maxEntries: number
  readonly #bound: WeightBound<Value>
  readonly #entries = new Map<Key, Value>()
  #weight = 0
  // Kept from one drop to the next: a new iterator would step over all entries that were dropped before.
  #oldest: MapIterator<Key> | undefined
  #idleSets = 0

  constructor(maxEntries: number, bound: WeightBound<Value> = weightless) {
    this.#maxEntries = maxEntries
    this.#bound = bound
  }

  get size(): number {
    return this.#entries.size
  }

  has(key: Key): boolean {
    return this.#entries.has(key)
  }

  get(key: Key): Value | undefined {
    return this.#entries.get(key)
  }

  /** Adds or replaces an entry, which then is the newest. */
  set(key: Key, value: Value): void {
    this.delete(key)
    this.#entries.set(key, value)
    this.#weight += this.#bound.weigh(value)
    if (++this.#idleSets > maxIdleSets) this.#oldest = undefined
    while (this.size > this.#maxEntries || (this.#weight > this.#bound.maxWeight && this.size > 0)) {
      this.#oldest ??= this.#entries.keys()
      this.delete(this.#oldest.next().value!)
      this.#idleSets = 0
    }
  }

  delete(key: Key): void {
    const value = this.#entries.get(key)
    if (this.#entries.delete(key)) this.#weight -= this.#bound.weigh(value as Value)
  }

  clear(): void {
    this.#entries.clear()
    this.#weight = 0
    this.#oldest = undefined
  }
}
