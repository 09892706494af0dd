let waiting: (() => void)[] = []

/**
 * Runs a task at the end of this turn of the event loop, together with all other such tasks. Responses are written this
 * way: a reader wakes once for several of them, and waking it is a large part of the cost of a write.
 *
 * @param task must not throw
 */
export function atEndOfTurn(task: () => void): void {
  if (waiting.push(task) === 1) setImmediate(runAll)
}

function runAll(): void {
  const tasks = waiting
  waiting = []
  for (const task of tasks) task()
}
