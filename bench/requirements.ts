import { ratios } from './ratios.ts'
import type { Report } from './report.ts'
import { number } from './table.ts'

/** Something that is asked of the gateway, and what was measured. */
export interface Requirement {
  readonly text: string
  readonly limit: string
  readonly measured: string
  /** Undefined where it could not be told. */
  readonly met: boolean | undefined
}

const streamLimit = 20 * 1024
const reloadLimit = 50
const pauseLimit = 50
const addedLimit = 3
const minShare = 0.35
const manyStreams = 5000

/** Holds a report against what is asked; what it does not tell is left out. */
export function requirementsOf(report: Report): Requirement[] {
  const { rows, reload, pauses, streams } = report
  const compared = ratios.flatMap(({ name, limit }) => {
    const found = report.ratios[name]?.median
    if (limit === undefined || found === undefined) return []
    return [atMost(`CPU per call, ${name}`, found, limit, value => `${number(value, 2)} ×`)]
  })
  const added = addedRatio(report)
  const share = rows['workers-2']?.busiestThread.max
  const most = streams?.findLast(({ open }) => open >= manyStreams)
  return [
    ...compared,
    ...(report.added['call'] === undefined
      ? []
      : [
          atMost(
            'p99 that is added at 1,000/s, by what nginx adds',
            added,
            addedLimit,
            v => `${number(v, 1)} ×`,
          ),
        ]),
    ...(share === undefined
      ? []
      : [
          atMost(
            'work of the busier of two workers',
            share,
            1 - minShare,
            value => `${number(value * 100, 0)} %`,
          ),
        ]),
    ...(most === undefined
      ? []
      : [
          atMost(
            `memory per idle stream, ${number(most.open, 0)} open`,
            most.gateway,
            streamLimit,
            value => `${number(value / 1024, 1)} KiB`,
          ),
        ]),
    ...(reload === undefined
      ? []
      : [
          atMost(
            `slowest call while ${number(reload.keys, 0)} keys reload`,
            // Where calls are as slow without a reload, the machine stands still by itself.
            reload.slowestWithout.max > reloadLimit ? undefined : reload.slowest.max,
            reloadLimit,
            value => `${number(value, 0)} ms`,
          ),
        ]),
    ...(pauses === undefined
      ? []
      : [
          atMost(
            'slowest call while the largest requests are judged',
            pauses.slowestWithout.max > pauseLimit ? undefined : pauses.slowest.max,
            pauseLimit,
            value => `${number(value, 0)} ms`,
          ),
        ]),
  ]
}

function atMost(
  text: string,
  measured: number | undefined,
  limit: number,
  format: (value: number) => string,
): Requirement {
  const told = { text, limit: `≤ ${format(limit)}` }
  return measured === undefined
    ? { ...told, measured: 'not measurable', met: undefined }
    : { ...told, measured: format(measured), met: measured <= limit }
}

/** How many times as much p99 the gateway adds as nginx; undefined where nginx adds nothing that can be measured. */
function addedRatio({ added }: Pick<Report, 'added'>): number | undefined {
  const { call, nginx } = added
  if (call === undefined || nginx === undefined || nginx.p99.median < 0.01) return undefined
  return call.p99.median / nginx.p99.median
}
