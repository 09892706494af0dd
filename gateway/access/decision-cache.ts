import type { NamedKind } from '../mcp/methods.ts'

/** A decision about a name; without a rule where none said anything. */
export interface Judgement {
  readonly allow: boolean
  readonly rule?: string | undefined
}

/** Decisions by what they are about. */
export type Decisions = Readonly<Record<NamedKind | 'method', DecisionCache<Judgement>>>

/** Makes empty caches. */
export function createDecisions(): Decisions {
  const create = (): DecisionCache<Judgement> => createDecisionCache(1000, 20_000)
  return { tool: create(), prompt: create(), resource: create(), method: create() }
}

/** Values by owner and name; they go with their owner. */
export interface DecisionCache<Value> {
  get(owner: object, about: string): Value | undefined
  set(owner: object, about: string, value: Value): void
  /** Number of entries, those included that went with their owner. */
  size(): number
}

/**
 * Makes an empty cache. It clears an owner's entries at `maxPerOwner`, and all entries at `maxTotal`: callers choose names,
 * and through their scopes also combinations of roles, so neither may grow without bound.
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
