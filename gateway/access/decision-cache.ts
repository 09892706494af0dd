/** What was worked out about names, by what it holds for; it goes with that. */
export interface DecisionCache<Value> {
  get(owner: object, about: string): Value | undefined
  set(owner: object, about: string, value: Value): void
  /** How much is remembered, what went with its owner included. */
  size(): number
}

/**
 * Remembers until there is too much: of one owner, which then begins anew, or of all together, who then all do. Callers
 * choose names, and by the scopes that they ask for also among combinations of roles, so neither may grow without end.
 */
export function createDecisionCache<Value>(maxPerOwner: number, maxTotal: number): DecisionCache<Value> {
  let owners = new WeakMap<object, Map<string, Value>>()
  let count = 0
  return {
    get: (owner, about) => owners.get(owner)?.get(about),
    set(owner, about, value) {
      if (count >= maxTotal) {
        owners = new WeakMap()
        count = 0
      }
      let known = owners.get(owner)
      if (known === undefined) owners.set(owner, (known = new Map()))
      if (known.size >= maxPerOwner) {
        count -= known.size
        known.clear()
      }
      count -= known.size
      count += known.set(about, value).size
    },
    size: () => count,
  }
}
