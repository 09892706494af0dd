import type { ColdStart } from './cold-start.ts'
import type { Machine } from './machine.ts'
import type { Effort, Sample } from './measure.ts'
import type { Others } from './others.ts'
import { ratiosOf } from './ratios.ts'
import type { PauseCost } from './pauses.ts'
import type { ReloadCost } from './reload.ts'
import type { Row } from './rows.ts'
import { spread, type Spread } from './statistics.ts'
import type { StreamCost } from './streams.ts'

/** Result of one row. CPU times are in microseconds, latencies in milliseconds. */
export interface RowResult {
  readonly title: string
  /** Calls per second (default: as many as possible). */
  readonly rate?: number
  readonly callsPerSecond: Spread
  readonly cpuPerCall: Spread
  readonly busy: Spread
  readonly p50: Spread
  readonly p99: Spread
  readonly busiestThread: Spread
  readonly others: Spread
}

/** Latency in addition to that of the upstream, at the fixed rate, in milliseconds: the difference in each round. */
export interface AddedLatency {
  readonly p50: Spread
  readonly p99: Spread
}

/** Results of a run: bench/results.json. */
export interface Report {
  readonly schemaVersion: 1
  readonly machine: Machine
  /** In the whole run. */
  readonly others: Others
  readonly effort: Pick<Effort, 'rounds' | 'seconds'>
  readonly rows: Readonly<Record<string, RowResult>>
  readonly ratios: Readonly<Record<string, Spread>>
  /** By the server in front of the upstream. */
  readonly added: Readonly<Record<string, AddedLatency>>
  readonly reload?: ReloadCost
  readonly pauses?: PauseCost
  readonly streams?: readonly StreamCost[]
  readonly coldStart?: ColdStart
}

/** Summarizes the samples of rows. */
export function summarize(
  rows: readonly Row[],
  samples: ReadonlyMap<string, readonly Sample[]>,
): Pick<Report, 'rows' | 'ratios' | 'added'> {
  const results = rows.map(({ name, title, rate }) => {
    const of = (figure: keyof Sample): Spread => spread(samples.get(name)!.map(sample => sample[figure]))
    const result: RowResult = {
      title,
      ...(rate !== undefined && { rate }),
      callsPerSecond: of('callsPerSecond'),
      cpuPerCall: of('cpuPerCall'),
      busy: of('busy'),
      p50: of('p50'),
      p99: of('p99'),
      busiestThread: of('busiestThread'),
      others: of('others'),
    }
    return [name, result] as const
  })
  return { rows: Object.fromEntries(results), ratios: ratiosOf(samples), added: addedLatency(samples) }
}

function addedLatency(samples: ReadonlyMap<string, readonly Sample[]>): Record<string, AddedLatency> {
  const direct = samples.get('rate-direct')
  if (direct === undefined) return {}
  const over = (row: readonly Sample[], figure: 'p50' | 'p99'): Spread =>
    spread(row.map((sample, round) => sample[figure] - direct[round]![figure]))
  return Object.fromEntries(
    ['nginx', 'relay', 'call'].flatMap(name => {
      const row = samples.get(`rate-${name}`)
      return row === undefined ? [] : [[name, { p50: over(row, 'p50'), p99: over(row, 'p99') }]]
    }),
  )
}
