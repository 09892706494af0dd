import type { Sample } from './measure.ts'
import { ratio, type Spread } from './statistics.ts'

/** Two rows, by name, whose CPU per call is compared. */
export interface RatioOf {
  readonly name: string
  readonly above: string
  readonly below: string
  /** Largest ratio that meets the requirement. */
  readonly limit?: number
}

/** Ratios that the bench computes; the same in every run, so that runs can be compared. */
export const ratios: readonly RatioOf[] = [
  of('call', 'relay-call', 1.3),
  of('call', 'nginx-call', 2.5),
  of('events', 'relay-events'),
  of('list', 'relay-list'),
  of('call-4k', 'relay-call-4k'),
  of('call-256k', 'relay-call-256k'),
  of('token', 'call'),
  of('hidden', 'call'),
  of('refused-401', 'call', 1),
  of('refused-403', 'call', 1),
  of('keys-10000', 'call', 1.05),
  of('proxies-500', 'call', 1.05),
  of('workers-2', 'workers-1', 1.1),
]

function of(above: string, below: string, limit?: number): RatioOf {
  return { name: `${above} / ${below}`, above, below, ...(limit !== undefined && { limit }) }
}

/** Returns the ratio of CPU per call of the two rows, for every pair that was measured. */
export function ratiosOf(samples: ReadonlyMap<string, readonly Sample[]>): Record<string, Spread> {
  const cpu = (row: string): number[] | undefined => samples.get(row)?.map(({ cpuPerCall }) => cpuPerCall)
  return Object.fromEntries(
    ratios.flatMap(({ name, above, below }) => {
      const [one, other] = [cpu(above), cpu(below)]
      return one && other ? [[name, ratio(one, other)]] : []
    }),
  )
}
