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
  /** Says whether a task was given to somebody else since. */
  isOthers(id: string, owner: Owner): boolean
}

const maxTasks = 10_000
const maxTasksOfOne = 1000
const maxLength = 2048

/** @param onGive is told of each task that was not known */
export function createGivenTasks(onGive: (task: GivenTask) => void = () => {}): GivenTasks {
  /** By id and proxy, the oldest first. */
  const tasks = new Map<string, GivenTask>()
  /** Their keys by principal and proxy, the oldest first. */
  const owned = new Map<string, Set<string>>()
  const keyOf = (id: string, proxy: string): string => JSON.stringify([proxy, id])

  function forget(key: string): void {
    const task = tasks.get(key)
    if (task === undefined) return
    tasks.delete(key)
    const ofOwner = keyOf(task.identity, task.proxy)
    const keys = owned.get(ofOwner)
    keys?.delete(key)
    if (keys?.size === 0) owned.delete(ofOwner)
  }

  return {
    give(task) {
      const { id, proxy, identity, handle } = task
      const key = keyOf(id, proxy)
      const before = tasks.get(key)
      if (id.length + handle.length > maxLength) return
      if (before?.identity === identity && before.handle === handle) return
      forget(key)
      const ofOwner = keyOf(identity, proxy)
      const keys = owned.get(ofOwner) ?? new Set()
      if (keys.size >= maxTasksOfOne) forget(keys.values().next().value!)
      if (tasks.size >= maxTasks) forget(tasks.keys().next().value!)
      owned.set(ofOwner, keys.add(key))
      tasks.set(key, task)
      onGive(task)
    },
    handle(id, { identities, proxy }) {
      const task = tasks.get(keyOf(id, proxy))
      return task !== undefined && identities.includes(task.identity) ? task.handle : undefined
    },
    isOthers(id, { identities, proxy }) {
      const task = tasks.get(keyOf(id, proxy))
      return task !== undefined && !identities.includes(task.identity)
    },
  }
}
