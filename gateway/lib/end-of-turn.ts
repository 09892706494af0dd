let waiting: (() => void)[] = []

/**
 * Does something when what this turn of the event loop brought was looked at, in one go with all else that waits for
 * that. Answers are written so: whoever reads them is woken once for several, and waking is a good part of a write.
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
