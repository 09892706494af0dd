import { setImmediate as nextTurn } from 'node:timers/promises'

/** Milliseconds of work between which other requests are served. */
const pieceMs = 5

/** Does work that is made of pieces in one go. */
export function atOnce<Result>(work: Generator<void, Result>): Result {
  for (;;) {
    const { done, value } = work.next()
    if (done === true) return value
  }
}

/** Does it piece by piece, so that no other request waits for long; rejects with what the work throws. */
export async function inPieces<Result>(work: Generator<void, Result>): Promise<Result> {
  for (let until = performance.now() + pieceMs; ;) {
    const { done, value } = work.next()
    if (done === true) return value
    if (performance.now() < until) continue
    await nextTurn()
    until = performance.now() + pieceMs
  }
}
