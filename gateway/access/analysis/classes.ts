import type { Glob } from '../../values/glob.ts'
import { positionsOf } from './positions.ts'

/** A class of names: all names that the same lists match. No rule tells them apart. */
export interface NameClass {
  /** The lists that match, as bits: the first list is 1n, the second 2n, and so on. */
  readonly lists: bigint
  /** A shortest name of the class. */
  readonly witness: string
}

/** Largest number of positions that are visited, by default: about a second. */
const maxVisits = 4_000_000

/**
 * Returns every class of names that lists of globs tell apart, each with a shortest witness. The answer is exact: lists of
 * globs are regular languages, so a breadth-first walk over the sets of their positions meets every combination. The empty
 * name is in no class.
 *
 * @returns undefined if the walk would visit more than `limit` positions
 */
export function classesOf(
  lists: readonly (readonly Glob[])[],
  limit = maxVisits,
): readonly NameClass[] | undefined {
  const { start, wanted, next, matching } = positionsOf(lists)
  const unwritten = String.fromCodePoint(unwrittenPoint(lists))
  // The start is not seen: the empty name is in no class, but a longer name may lead back to the same positions.
  const seen = new Set<string>()
  let level: { set: readonly number[]; name: string }[] = [{ set: start, name: '' }]
  const found = new Map<bigint, string>()
  let visits = 0
  while (level.length > 0) {
    const following: typeof level = []
    for (const { set, name } of level) {
      const points = wanted(set)
      visits += (set.length + 1) * (points.length + 1)
      if (visits > limit) return undefined
      for (const point of [undefined, ...points]) {
        const reached = next(set, point)
        const key = reached.join()
        if (seen.has(key)) continue
        seen.add(key)
        const longer = name + (point === undefined ? unwritten : String.fromCodePoint(point))
        const bits = matching(reached)
        if (!found.has(bits)) found.set(bits, longer)
        following.push({ set: reached, name: longer })
      }
    }
    level = following
  }
  return [...found].map(([bits, witness]) => ({ lists: bits, witness }))
}

/** Returns a code point that no glob writes: a letter, if one is left. */
function unwrittenPoint(lists: readonly (readonly Glob[])[]): number {
  const written = new Set(lists.flatMap(globs => globs.flatMap(({ tokens }) => tokens)))
  const from = 'x'.codePointAt(0)!
  const letters = Array.from({ length: 26 }, (_, index) => 0x61 + ((from - 0x61 + index) % 26))
  const left = letters.find(letter => !written.has(letter))
  if (left !== undefined) return left
  // Private use: never a surrogate, a control character or part of a pattern that anyone wrote by hand.
  let point = 0xe000
  while (written.has(point)) point++
  return point
}
