import { setImmediate as nextTurn } from 'node:timers/promises'

/** How long work runs before other requests are served. */
const pieceMs = 5

/** Runs all pieces of a work at once. */
export function atOnce<Result>(work: Generator<void, Result>): Result {
  for (;;) {
    const { done, value } = work.next()
    if (done === true) return value
  }
}

/** Runs the pieces of a work with pauses, so that no other request waits for long. Rejects with what the work throws. */
export async function inPieces<Result>(work: Generator<void, Result>): Promise<Result> {
  for (let until = performance.now() + pieceMs; ;) {
    const { done, value } = work.next()
    if (done === true) return value
    if (performance.now() < until) continue
    await nextTurn()
    until = performance.now() + pieceMs
  }
}
