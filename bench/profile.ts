import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { check } from './calls.ts'
import { connections, type Row } from './rows.ts'
import { columns } from './table.ts'
import { createTargets, type Surroundings } from './targets.ts'
import { saturate } from './wrk.ts'

interface Frame {
  readonly functionName: string
  readonly url: string
  readonly lineNumber: number
}

interface Profile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: Frame }[]
  /** Microseconds of the monotonic clock. */
  readonly startTime: number
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

const shownFunctions = 45
const warmUp = 4
/** Smallest share of the time for which a thread must be busy to be shown. */
const minBusyShare = 0.02

/**
 * Runs a gateway under V8's sampling profiler, with the call of one row, as fast as possible.
 *
 * @returns a table of the functions with the largest self time, in percent of the time in which the process was not idle
 */
export async function profile(row: Row, seconds: number, surroundings: Surroundings): Promise<string> {
  if (typeof row.target === 'string') throw new Error(`${row.name} is not a row of the gateway`)
  const { folder, cores } = surroundings
  const profiles = join(folder, 'profiles')
  const targets = createTargets(surroundings, ['--cpu-prof', '--cpu-prof-dir', profiles])
  const gateway = await targets.start(row.target)
  const url = gateway.url(row.proxy)
  const answerBytes = await check(url, row.call)
  const load = { connections: row.connections ?? connections, answerBytes, cores: cores.load, folder }
  await saturate(url, row.call, { ...load, seconds: warmUp })
  const from = microseconds()
  const { calls } = await saturate(url, row.call, { ...load, seconds })
  const until = microseconds()
  await gateway.running.stop()
  const files = readdirSync(profiles).map(file => readFileSync(join(profiles, file), 'utf8'))
  const found = files
    .map(file => selfTimes(JSON.parse(file) as Profile, from, until))
    .filter(times => busyTime(times) > (until - from) * minBusyShare)
  return `${row.title}: ${(calls / seconds).toFixed()} calls/s while being profiled\n\n${found.map(ranked).join('\n\n')}\n`
}

function microseconds(): number {
  return Number(process.hrtime.bigint() / 1000n)
}

/** Returns microseconds by function, of the samples between two instants. */
function selfTimes(
  { nodes, samples, timeDeltas, startTime }: Profile,
  from: number,
  until: number,
): Map<string, number> {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]))
  const times = new Map<string, number>()
  let now = startTime
  for (const [index, id] of samples.entries()) {
    now += timeDeltas[index]!
    if (now < from || now > until) continue
    const name = names.get(id)!
    // A sample covers the time until the next one.
    times.set(name, (times.get(name) ?? 0) + (timeDeltas[index + 1] ?? 0))
  }
  return times
}

function nameOf({ functionName, url, lineNumber }: Frame): string {
  const file = url.replace(/^.*\/node_modules\//, '').replace(/^file:\/\/.*?\/(gateway|policies)\//, '$1/')
  return file === '' ? functionName : `${file}:${functionName || `(line ${lineNumber + 1})`}`
}

function busyTime(times: Map<string, number>): number {
  return [...times].reduce((sum, [name, time]) => (name === '(idle)' ? sum : sum + time), 0)
}

function ranked(times: Map<string, number>): string {
  const busy = [...times].filter(([name]) => name !== '(idle)').toSorted(([, a], [, b]) => b - a)
  const total = busyTime(times)
  const idle = times.get('(idle)') ?? 0
  const percent = (time: number): string => `${((time / total) * 100).toFixed(1)} %`
  const own = busy.filter(([name]) => /^(gateway|policies)\//.test(name))
  const ours = own.reduce((sum, [, time]) => sum + time, 0)
  return columns([
    ['function', 'self'],
    ...busy.slice(0, shownFunctions).map(([name, time]) => [name, percent(time)]),
    ['all functions of gateway/ and policies/', percent(ours)],
    ['idle, of the whole time', `${((idle / (idle + total)) * 100).toFixed(1)} %`],
  ])
}
