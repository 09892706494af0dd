/** Source of reproducible choices: the same seed gives the same choices. */
export interface Random {
  /** Returns an integer from 0 up to, not including, `limit`. */
  below(limit: number): number
  /** Returns one of several values. */
  pick<Item>(items: readonly Item[]): Item
  /** Returns true with this probability. */
  chance(probability: number): boolean
}

/** @param seed an integer; mulberry32 turns it into a sequence */
export function createRandom(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (limit: number): number => Math.floor(next() * limit)
  return { below, pick: items => items[below(items.length)]!, chance: probability => next() < probability }
}

/** Returns the seed of one case, so that it can be run again alone. */
export function caseSeed(seed: number, index: number): number {
  return (Math.imul(seed, 0x9e3779b1) + Math.imul(index + 1, 0x85ebca6b)) >>> 0
}
