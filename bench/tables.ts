import { ratios } from './ratios.ts'
import type { Report } from './report.ts'
import { requirementsOf } from './requirements.ts'
import { median } from './statistics.ts'
import { number, shown } from './table.ts'

/** Rows of cells; the first row is the head. */
export type Table = readonly (readonly string[])[]

/** The tables of a report by name; those that it has the figures for. */
export function tablesOf(report: Report): Map<string, Table> {
  const { rows, added, reload, pauses, streams, coldStart } = report
  const all = Object.entries(rows)
  const tables: Record<string, Table> = {
    saturated: [
      ['as fast as it goes', 'µs CPU/call', 'calls/s', 'busy'],
      ...all
        .filter(([, { rate }]) => rate === undefined)
        .map(([name, { title, cpuPerCall, callsPerSecond, busy }]) => [
          `${name}: ${title}`,
          shown(cpuPerCall, 1),
          shown(callsPerSecond, 0),
          percent(busy.median),
        ]),
    ],
    paced: [
      ['at a fixed rate', 'p50 ms', 'p99 ms', 'µs CPU/call'],
      ...all
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
    ],
    ratios: [
      ['CPU per call, round by round', 'ratio'],
      ...ratios.flatMap(({ name }) => {
        const found = report.ratios[name]
        return found === undefined ? [] : [[name, shown(found, 3)]]
      }),
    ],
    reload: [
      ['another file under 1,000 calls/s', 'ms'],
      ...(reload === undefined
        ? []
        : [
            [`${number(reload.keys, 0)} other keys in force after`, shown(reload.applied, 0)],
            ['slowest call meanwhile', shown(reload.slowest, 1)],
            ['slowest call without a reload', shown(reload.slowestWithout, 1)],
          ]),
    ],
    pauses: [
      ['the largest requests beside 1,000 calls/s', 'ms'],
      ...(pauses === undefined
        ? []
        : [
            ['slowest call meanwhile', shown(pauses.slowest, 1)],
            ['slowest call without them', shown(pauses.slowestWithout, 1)],
          ]),
    ],
    streams: [
      ['idle streams open', 'KiB each, Gatehouse', 'bare relay'],
      ...(streams ?? []).map(({ open, gateway, relay }) => [
        number(open, 0),
        number(gateway / 1024, 1),
        number(relay / 1024, 1),
      ]),
    ],
    coldStart: [
      ['from the start of the process until it is ready', 'ms'],
      ...(coldStart === undefined
        ? []
        : [
            ['Gatehouse, 10 keys', shown(coldStart.gateway, 0)],
            ['Gatehouse, 10,000 keys', shown(coldStart.manyKeys, 0)],
            ['bare relay', shown(coldStart.relay, 0)],
          ]),
    ],
    requirements: [
      ['asked', 'at most', 'measured', ''],
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

/** Where and with what a report was measured, in a few lines. */
export function circumstances({ machine, others, effort, rows }: Report): string {
  const kept = Object.values(rows).map(row => row.others.median)
  const inRounds = kept.length === 0 ? '' : ` (${percent(median(kept))} in the rounds that count)`
  return (
    `Gatehouse ${machine.commit}, ${machine.date}, ${machine.cpu}, ${machine.cores} cores, ` +
    `${machine.memoryGiB} GiB, Node ${machine.node}, nginx ${machine.nginx}, wrk ${machine.wrk}; ` +
    `${machine.pinned ? 'load and measured on cores of their own' : 'NOT PINNED: one core does everything'}; ` +
    `at most ${number(machine.openFiles, 0)} open files.\n` +
    `Median (min–max) of ${effort.rounds} rounds of ${effort.seconds} s; meanwhile others used ` +
    `${percent(others.used)} of the machine${inRounds}, and its host withheld ${percent(others.withheld)}.`
  )
}

function percent(share: number): string {
  return `${number(share * 100, 0)} %`
}
