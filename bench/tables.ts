import { ratios } from './ratios.ts'
import type { Report } from './report.ts'
import { requirementsOf } from './requirements.ts'
import { median } from './statistics.ts'
import { number, shown } from './table.ts'

/** Rows of cells; the first row is the head. */
export type Table = readonly (readonly string[])[]

/** Returns the tables of a report by name. Leaves out those that it has no figures for. */
export function tablesOf(report: Report): Map<string, Table> {
  const tables: Record<string, Table> = {
    saturated: saturated(report),
    paced: paced(report),
    ratios: [
      ['CPU per call, round by round', 'ratio'],
      ...ratios.flatMap(({ name }) => {
        const found = report.ratios[name]
        return found === undefined ? [] : [[name, shown(found, 3)]]
      }),
    ],
    reload: reloaded(report),
    pauses: paused(report),
    streams: streaming(report),
    coldStart: started(report),
    requirements: [
      ['requirement', 'at most', 'measured', ''],
      ...requirementsOf(report).map(({ text, limit, measured, met }) => [
        text,
        limit,
        measured,
        met === undefined ? 'unknown' : met ? 'pass' : 'FAIL',
      ]),
    ],
  }
  return new Map(Object.entries(tables).filter(([, table]) => table.length > 1))
}

function saturated({ rows }: Report): Table {
  return [
    ['as fast as possible', 'µs CPU/call', 'calls/s', 'busy'],
    ...Object.entries(rows)
      .filter(([, { rate }]) => rate === undefined)
      .map(([name, { title, cpuPerCall, callsPerSecond, busy }]) => [
        `${name}: ${title}`,
        shown(cpuPerCall, 1),
        shown(callsPerSecond, 0),
        percent(busy.median),
      ]),
  ]
}

function paced({ rows, added }: Report): Table {
  return [
    ['at a fixed rate', 'p50 ms', 'p99 ms', 'µs CPU/call'],
    ...Object.entries(rows)
      .filter(([, { rate }]) => rate !== undefined)
      .map(([name, { title, p50, p99, cpuPerCall }]) => [
        `${name}: ${title}`,
        shown(p50, 3),
        shown(p99, 3),
        shown(cpuPerCall, 1),
      ]),
    ...Object.entries(added).map(([name, { p50, p99 }]) => [
      `added by ${name === 'call' ? 'Gatehouse' : name}`,
      shown(p50, 3),
      shown(p99, 3),
      '',
    ]),
  ]
}

function reloaded({ reload }: Report): Table {
  const head = ['a reload under 1,000 calls/s', 'ms']
  if (reload === undefined) return [head]
  return [
    head,
    [`${number(reload.keys, 0)} other keys in force after`, shown(reload.applied, 0)],
    ['slowest call meanwhile', shown(reload.slowest, 1)],
    ['slowest call without a reload', shown(reload.slowestWithout, 1)],
  ]
}

function paused({ pauses }: Report): Table {
  const head = ['the largest requests beside 1,000 calls/s', 'ms']
  if (pauses === undefined) return [head]
  return [
    head,
    ['slowest call meanwhile', shown(pauses.slowest, 1)],
    ['slowest call without them', shown(pauses.slowestWithout, 1)],
  ]
}

function streaming({ streams = [] }: Report): Table {
  return [
    ['idle streams open', 'KiB each, Gatehouse', 'bare relay'],
    ...streams.map(({ open, gateway, relay }) => [
      number(open, 0),
      number(gateway / 1024, 1),
      number(relay / 1024, 1),
    ]),
  ]
}

function started({ coldStart }: Report): Table {
  const head = ['from process start until ready', 'ms']
  if (coldStart === undefined) return [head]
  return [
    head,
    ['Gatehouse, 10 keys', shown(coldStart.gateway, 0)],
    ['Gatehouse, 10,000 keys', shown(coldStart.manyKeys, 0)],
    ['bare relay', shown(coldStart.relay, 0)],
  ]
}

/** Describes the machine and the effort of a report, in a few lines. */
export function circumstances({ machine, others, effort, rows }: Report): string {
  const kept = Object.values(rows).map(row => row.others.median)
  const inRounds = kept.length === 0 ? '' : ` (${percent(median(kept))} in the rounds that count)`
  return (
    `Gatehouse ${machine.commit}, ${machine.date}, ${machine.cpu}, ${machine.cores} cores, ` +
    `${machine.memoryGiB} GiB, Node ${machine.node}, nginx ${machine.nginx}, wrk ${machine.wrk}; ` +
    `${machine.pinned ? 'load and measured process on separate cores' : 'NOT PINNED: one core does everything'}; ` +
    `at most ${number(machine.openFiles, 0)} open files.\n` +
    `Median (min–max) of ${effort.rounds} rounds of ${effort.seconds} s; meanwhile other processes used ` +
    `${percent(others.used)} of the machine${inRounds}, and the host withheld ${percent(others.withheld)}.`
  )
}

function percent(share: number): string {
  return `${number(share * 100, 0)} %`
}
