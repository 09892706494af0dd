import type { Owner } from './seal.ts'

/** A task whose handle was given to a principal, or presented by it. */
export interface GivenTask {
  /** The upstream's id of it. */
  readonly id: string
  readonly proxy: string
  readonly identity: string
  readonly handle: string
}

/**
 * The tasks that principals were given. An upstream of MCP 2025-11-25 lists the tasks of all its callers, and sends news of
 * them, without saying which operation began them, and to the upstream all callers are one. So this memory says whose they
 * are. It only adds to what handles prove: a task that is not in it is shown to nobody.
 */
export interface GivenTasks {
  give(task: GivenTask): void
  /** Returns the handle under which a task was given to the owner. */
  handle(id: string, owner: Owner): string | undefined
  /** Says whether a task was given to others, and not to the owner. */
  isOthers(id: string, owner: Owner): boolean
}

const maxTasks = 10_000
const maxTasksOfOne = 1000
const maxLength = 2048

/** @param onGive is told of each task that was not known */
export function createGivenTasks(onGive: (task: GivenTask) => void = () => {}): GivenTasks {
  /** The oldest first. */
  const tasks = new Map<string, GivenTask>()
  /** Keys of them by principal and proxy, the oldest first. */
  const owned = new Map<string, Set<string>>()
  /** How many have a task, by its id and proxy. */
  const holders = new Map<string, number>()

  function forget(key: string): void {
    const task = tasks.get(key)
    if (task === undefined) return
    const { id, proxy, identity } = task
    const left = (holders.get(keyOf(proxy, id)) ?? 1) - 1
    tasks.delete(key)
    owned.get(keyOf(proxy, identity))?.delete(key)
    if (owned.get(keyOf(proxy, identity))?.size === 0) owned.delete(keyOf(proxy, identity))
    if (left === 0) holders.delete(keyOf(proxy, id))
    else holders.set(keyOf(proxy, id), left)
  }
  function find(id: string, { identities, proxy }: Owner): string | undefined {
    for (const identity of identities) {
      const task = tasks.get(keyOf(proxy, identity, id))
      if (task !== undefined) return task.handle
    }
    return undefined
  }

  return {
    give(task) {
      const { id, proxy, identity, handle } = task
      const key = keyOf(proxy, identity, id)
      if (id.length + handle.length > maxLength || tasks.get(key)?.handle === handle) return
      forget(key)
      const keys = owned.get(keyOf(proxy, identity)) ?? new Set()
      if (keys.size >= maxTasksOfOne) forget(keys.values().next().value!)
      if (tasks.size >= maxTasks) forget(tasks.keys().next().value!)
      owned.set(keyOf(proxy, identity), keys.add(key))
      tasks.set(key, task)
      holders.set(keyOf(proxy, id), (holders.get(keyOf(proxy, id)) ?? 0) + 1)
      onGive(task)
    },
    handle: find,
    isOthers: (id, owner) => holders.has(keyOf(owner.proxy, id)) && find(id, owner) === undefined,
  }
}

function keyOf(...parts: readonly string[]): string {
  return JSON.stringify(parts)
}
