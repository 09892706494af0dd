import { anyOne, anyRun, type Glob } from '../../values/glob.ts'

/**
 * The positions of several lists of globs, as one nondeterministic automaton. A position is a place between two tokens of
 * a glob. A set of positions is a sorted array. A negative number `-1 - list` stands for a list that matches every name
 * that begins so.
 */
export interface Positions {
  /** The positions before the first character. */
  readonly start: readonly number[]
  /** Returns the code points that some position of the set waits for. Every other one has the same effect as any other. */
  wanted(set: readonly number[]): readonly number[]
  /** Returns the positions after one more code point; `undefined` stands for one that no position waits for. */
  next(set: readonly number[], point: number | undefined): readonly number[]
  /** Returns the lists that match the name that led to the set, as bits. */
  matching(set: readonly number[]): bigint
}

/** The token at the end of a glob. */
const end = -3

/** What stands at each position. */
interface Layout {
  readonly tokens: readonly number[]
  readonly listOf: readonly number[]
  readonly globOf: readonly number[]
  /** The position at which each glob begins. */
  readonly first: readonly number[]
}

/** Returns the positions of lists of globs. */
export function positionsOf(lists: readonly (readonly Glob[])[]): Positions {
  const layout = layOut(lists)
  const { tokens, listOf, first } = layout
  const start = new Set<number>()
  for (const position of first) reach(tokens, start, position)
  return {
    start: reduce(layout, start),
    wanted: set => [...new Set(set.map(position => tokens[position] ?? end).filter(token => token >= 0))],
    next(set, point) {
      const reached = new Set<number>()
      for (const position of set) {
        const token = tokens[position]
        if (position < 0) reached.add(position)
        else if (token === anyRun) reach(tokens, reached, position)
        else if (token === anyOne || (token === point && point !== undefined))
          reach(tokens, reached, position + 1)
      }
      return reduce(layout, reached)
    },
    matching(set) {
      let bits = 0n
      for (const position of set) {
        if (position < 0) bits |= 1n << BigInt(-1 - position)
        else if (tokens[position] === end) bits |= 1n << BigInt(listOf[position]!)
      }
      return bits
    },
  }
}

function layOut(lists: readonly (readonly Glob[])[]): Layout {
  const layout = {
    tokens: [] as number[],
    listOf: [] as number[],
    globOf: [] as number[],
    first: [] as number[],
  }
  for (const [list, globs] of lists.entries()) {
    for (const glob of globs) {
      layout.first.push(layout.tokens.length)
      for (const token of [...glob.tokens, end]) {
        layout.tokens.push(token)
        layout.listOf.push(list)
        layout.globOf.push(layout.first.length)
      }
    }
  }
  return layout
}

/** Adds a position, and the one after it if it may be skipped. */
function reach(tokens: readonly number[], reached: Set<number>, position: number): void {
  reached.add(position)
  if (tokens[position] === anyRun) reached.add(position + 1)
}

/** Returns the set that these positions stand for, without those that another one of their list or glob implies. */
function reduce({ tokens, listOf, globOf }: Layout, reached: ReadonlySet<number>): readonly number[] {
  const complete = new Set<number>()
  const lastRun = new Map<number, number>()
  for (const position of reached) {
    if (position < 0) complete.add(-1 - position)
    else if (tokens[position] === anyRun) {
      if (tokens[position + 1] === end) complete.add(listOf[position]!)
      const glob = globOf[position]!
      lastRun.set(glob, Math.max(position, lastRun.get(glob) ?? 0))
    }
  }
  const set = [...complete].map(list => -1 - list)
  for (const position of reached) {
    if (position < 0 || complete.has(listOf[position]!)) continue
    // What matches from an earlier run of a glob also matches from a later one.
    if (position >= (lastRun.get(globOf[position]!) ?? 0)) set.push(position)
  }
  return set.toSorted((one, other) => one - other)
}
