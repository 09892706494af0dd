import type { NamedKind } from '../mcp/methods.ts'

/** A decision about a name, and the rule that decided, if one did. */
export interface Judgement {
  readonly allow: boolean
  readonly rule?: string | undefined
}

/** Caches of decisions, by kind. */
export type Decisions = Readonly<Record<NamedKind | 'method', DecisionCache<Judgement>>>

/** Creates empty caches. */
export function createDecisions(): Decisions {
  const create = (): DecisionCache<Judgement> => createDecisionCache(1000, 20_000)
  return { tool: create(), prompt: create(), resource: create(), method: create() }
}

/** Values by owner and name. They are collected with their owner. */
export interface DecisionCache<Value> {
  get(owner: object, name: string): Value | undefined
  set(owner: object, name: string, value: Value): void
  /** Returns the number of entries, including those that were collected with their owner. */
  size(): number
}

/**
 * Creates an empty cache. It clears an owner's entries at `maxPerOwner`, and all entries at `maxTotal`. Callers choose
 * names and, through their scopes, combinations of roles, so neither may grow without bound.
 */
export function createDecisionCache<Value>(maxPerOwner: number, maxTotal: number): DecisionCache<Value> {
  let owners = new WeakMap<object, Map<string, Value>>()
  let count = 0
  return {
    get: (owner, name) => owners.get(owner)?.get(name),
    set(owner, name, value) {
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
      count += known.set(name, value).size
    },
    size: () => count,
  }
}
