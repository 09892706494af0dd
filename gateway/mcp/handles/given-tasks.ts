import type { Owner } from './seal.ts'

/** A task whose handle a principal was given, or has presented. */
export interface GivenTask {
  /** The upstream's task id. */
  readonly id: string
  readonly proxy: string
  readonly identity: string
  readonly handle: string
}

/**
 * Records which tasks each principal was given. To an upstream of MCP 2025-11-25, all callers are one: it lists the tasks of
 * all of them, and sends notifications about them, without the operation that created them. Handles alone prove what a
 * principal presents; this record also tells whose the other tasks are. Nobody sees a task that is not in it.
 */
export interface GivenTasks {
  give(task: GivenTask): void
  /** Returns the handle of a task that was given to the owner. */
  handle(id: string, owner: Owner): string | undefined
  /** Returns whether a task was given to others, and not to the owner. */
  isOthers(id: string, owner: Owner): boolean
}

const maxTasks = 10_000
const maxTasksPerOwner = 1000
const maxLength = 2048

/**
 * Creates an empty record.
 *
 * @param onGive called for each new task
 */
export function createGivenTasks(onGive: (task: GivenTask) => void = () => {}): GivenTasks {
  /** Tasks by key, the oldest first. */
  const tasks = new Map<string, GivenTask>()
  /** Keys of tasks by principal and proxy, the oldest first. */
  const owned = new Map<string, Set<string>>()
  /** Number of principals that have a task, by its id and proxy. */
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
      if (keys.size >= maxTasksPerOwner) forget(keys.values().next().value!)
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
