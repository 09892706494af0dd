/** A thing that outlives the snapshots that use it. */
export interface Lease<Value> {
  readonly value: Value
  release(): void
}

/** Keeps a lease as long as a snapshot is in use; returns what it is of. */
export type Hold = <Value>(lease: Lease<Value>) => Value

/** What can be acquired: things of one identity are the same, and go on over a reload. */
export interface Identified<Value> {
  readonly identity: string
  create(this: void): Value
}

/** What survives a reload, kept by identity and counted: the last one who lets go of it ends it. */
export interface UsagePool<Value> {
  acquire(identity: string, create: () => Value): Lease<Value>
  values(): Value[]
}

/** @param dispose ends a value that nobody uses any more */
export function createUsagePool<Value>(dispose: (value: Value) => void): UsagePool<Value> {
  const kept = new Map<string, { value: Value; users: number }>()
  return {
    acquire(identity, create) {
      const entry = kept.get(identity) ?? { value: create(), users: 0 }
      kept.set(identity, entry)
      entry.users++
      let held = true
      return {
        value: entry.value,
        release() {
          if (!held) return
          held = false
          if (--entry.users > 0) return
          kept.delete(identity)
          dispose(entry.value)
        },
      }
    },
    values: () => [...kept.values()].map(({ value }) => value),
  }
}
