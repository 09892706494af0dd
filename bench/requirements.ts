import { ratios } from './ratios.ts'
import type { Report } from './report.ts'
import { number } from './table.ts'

/** A limit that the gateway has to keep, and what was measured. */
export interface Requirement {
  readonly text: string
  readonly limit: string
  readonly measured: string
  /** Undefined when it could not be measured. */
  readonly met: boolean | undefined
}

const maxStreamBytes = 20 * 1024
const maxReloadMs = 50
const maxPauseMs = 50
const maxAddedRatio = 3
const minShare = 0.35
const manyStreams = 5000

/** Compares a report with the requirements. Leaves out those that the report has no figures for. */
export function requirementsOf(report: Report): Requirement[] {
  const compared = ratios.map(({ name, limit }) => {
    const found = report.ratios[name]?.median
    if (limit === undefined || found === undefined) return undefined
    return atMost(`CPU per call, ${name}`, found, limit, value => `${number(value, 2)} ×`)
  })
  return [
    ...compared,
    addedLatency(report),
    sharedWork(report),
    streamMemory(report),
    reloadPause(report),
    requestPause(report),
  ].filter(requirement => requirement !== undefined)
}

function addedLatency(report: Report): Requirement | undefined {
  if (report.added['call'] === undefined) return undefined
  const text = 'p99 added at 1,000/s, relative to nginx'
  return atMost(text, addedRatio(report), maxAddedRatio, value => `${number(value, 1)} ×`)
}

function sharedWork({ rows }: Report): Requirement | undefined {
  const share = rows['workers-2']?.busiestThread.max
  if (share === undefined) return undefined
  return atMost(
    'work of the busier of two workers',
    share,
    1 - minShare,
    value => `${number(value * 100, 0)} %`,
  )
}

function streamMemory({ streams }: Report): Requirement | undefined {
  const most = streams?.findLast(({ open }) => open >= manyStreams)
  if (most === undefined) return undefined
  const text = `memory per idle stream, ${number(most.open, 0)} open`
  return atMost(text, most.gateway, maxStreamBytes, value => `${number(value / 1024, 1)} KiB`)
}

function reloadPause({ reload }: Report): Requirement | undefined {
  if (reload === undefined) return undefined
  // When calls are as slow without a reload, the machine itself pauses.
  const slowest = reload.slowestWithout.max > maxReloadMs ? undefined : reload.slowest.max
  const text = `slowest call while ${number(reload.keys, 0)} keys reload`
  return atMost(text, slowest, maxReloadMs, value => `${number(value, 0)} ms`)
}

function requestPause({ pauses }: Report): Requirement | undefined {
  if (pauses === undefined) return undefined
  const slowest = pauses.slowestWithout.max > maxPauseMs ? undefined : pauses.slowest.max
  const text = 'slowest call while the largest requests are judged'
  return atMost(text, slowest, maxPauseMs, value => `${number(value, 0)} ms`)
}

function atMost(
  text: string,
  measured: number | undefined,
  limit: number,
  format: (value: number) => string,
): Requirement {
  const shown = { text, limit: `≤ ${format(limit)}` }
  return measured === undefined
    ? { ...shown, measured: 'not measurable', met: undefined }
    : { ...shown, measured: format(measured), met: measured <= limit }
}

/** Returns the p99 that the gateway adds divided by what nginx adds; undefined when nginx adds too little to measure. */
function addedRatio({ added }: Pick<Report, 'added'>): number | undefined {
  const { call, nginx } = added
  if (call === undefined || nginx === undefined || nginx.p99.median < 0.01) return undefined
  return call.p99.median / nginx.p99.median
}
