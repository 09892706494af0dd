/** A use of a shared value, which outlives its users. */
export interface Lease<Value> {
  readonly value: Value
  release(): void
}

/** Keeps a lease for as long as its holder is in use, and returns its value. */
export type Hold = <Value>(lease: Lease<Value>) => Value

/** A value that can be acquired. Those with the same identity are the same, and stay over a reload. */
export interface Identified<Value> {
  readonly identity: string
  create(this: void): Value
}

/** Values that stay over a reload, by identity. A value is disposed of when its last lease is released. */
export interface UsagePool<Value> {
  acquire(identity: string, create: () => Value): Lease<Value>
  values(): Value[]
}

/** Makes an empty pool. */
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

/** Leases of one holder, which are released together when its last user has left. */
export interface Leases {
  readonly hold: Hold
  /** Adds a user; there is one at first. */
  retain(this: void): void
  /** Removes a user. */
  release(this: void): void
}

/** Makes an empty set of leases. */
export function createLeases(): Leases {
  const leases: Lease<unknown>[] = []
  let users = 1
  return {
    hold(lease) {
      leases.push(lease)
      return lease.value
    },
    retain: () => void users++,
    release() {
      if (--users === 0) for (const lease of leases.splice(0)) lease.release()
    },
  }
}
