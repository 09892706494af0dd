import type { Effort, Measure, Sample } from './measure.ts'
import type { Row } from './rows.ts'
import { ratio, spread, type Spread } from './statistics.ts'
import { columns, number, shown } from './table.ts'

/** Largest ratio of CPU per call, new by old, that is not reported as a regression. */
const maxRatio = 1.05
/** Effort for rows over that ratio, which are measured again. */
const again = { rounds: 15, often: 1, roundsOfProcess: 5, tries: 3 }

const suffix = '-before'

/**
 * Pairs each row of a saturated gateway with the same row of another checkout, measured right after it.
 *
 * @param checkout the root folder of the other checkout
 * @returns the pairs only
 */
export function withOther(rows: readonly Row[], checkout: string): Row[] {
  return rows.flatMap(row => {
    if (typeof row.target === 'string' || row.rate !== undefined) return []
    const other = { ...row, name: row.name + suffix, target: { ...row.target, checkout } }
    return [row, { ...other, title: `${row.title}, before` }]
  })
}

/** Result of a comparison: its table as text, and the names of the rows that got slower. */
export interface Comparison {
  readonly table: string
  readonly slower: readonly string[]
}

/**
 * Compares the pairs of {@link withOther}. A row over the ratio is measured again in more rounds. It counts as slower when
 * three quarters of them are over the ratio: other load slows some rounds, a regression slows all of them.
 *
 * @param report shows the result of the first rounds
 */
export async function compareWithOther(
  pairs: readonly Row[],
  measure: Measure,
  effort: Effort,
  report: (text: string) => void,
): Promise<Comparison> {
  const first = ratiosOf(await measure(pairs, effort))
  report(`${tableOf(first)}\n`)
  const isOver = (name: string): boolean => first.get(name)!.ratio.median > maxRatio
  const doubtful = pairs.filter(({ name }) => isOver(name.replace(suffix, '')))
  const second =
    doubtful.length === 0 ? new Map() : ratiosOf(await measure(doubtful, { ...effort, ...again }))
  return {
    table: tableOf(new Map([...first, ...second])),
    slower: [...second].filter(([, { ratio }]) => ratio.low > maxRatio).map(([name]) => name),
  }
}

function tableOf(found: ReadonlyMap<string, Pair>): string {
  return columns([
    ['CPU per call, in one run', 'µs', 'µs before', 'ratio', 'rounds'],
    ...[...found].map(([name, { now, before, ratio, rounds }]) => [
      name,
      shown(now, 1),
      shown(before, 1),
      shown(ratio, 3),
      number(rounds, 0),
    ]),
  ])
}

interface Pair {
  readonly now: Spread
  readonly before: Spread
  readonly ratio: Spread
  readonly rounds: number
}

function ratiosOf(samples: ReadonlyMap<string, readonly Sample[]>): Map<string, Pair> {
  const cpu = (name: string): number[] => samples.get(name)!.map(({ cpuPerCall }) => cpuPerCall)
  return new Map(
    [...samples.keys()]
      .filter(name => !name.endsWith(suffix))
      .map(name => {
        const [now, before] = [cpu(name), cpu(name + suffix)]
        const pair = {
          now: spread(now),
          before: spread(before),
          ratio: ratio(now, before),
          rounds: now.length,
        }
        return [name, pair] as const
      }),
  )
}
