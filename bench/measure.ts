import { truncateSync } from 'node:fs'
import { check } from './calls.ts'
import { watchOthers } from './others.ts'
import { pace } from './paced.ts'
import { cpuTime, threadTimes } from './proc.ts'
import { connections as usual, type Row } from './rows.ts'
import type { Started, Surroundings, Targets } from './targets.ts'
import { saturate } from './wrk.ts'

/** One round of one row. */
export interface Sample {
  readonly callsPerSecond: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
  /** Microseconds of CPU that the measured process used per call. */
  readonly cpuPerCall: number
  /** CPU of the measured process as a share of one core. Well under 1 means that the load generator was the limit. */
  readonly busy: number
  /** Share of the busiest thread in the work of the two busiest. */
  readonly busiestThread: number
  /** CPU of other processes in that time, as a share of the whole machine. */
  readonly others: number
}

/** Number and length of the measurements. */
export interface Effort {
  readonly rounds: number
  /** Factor for the number of rounds of rows with `often`. */
  readonly often: number
  /**
   * Rounds after which everything except the upstream is restarted. V8 compiles the same code differently from time to
   * time, which changes its speed by some percent for as long as the process lives.
   */
  readonly roundsOfProcess: number
  readonly seconds: number
  /** Calls before the first round, so that V8 has compiled the hot code. */
  readonly warmUp: number
  /** Number of samples that may be taken until one is quiet. */
  readonly tries: number
}

/** Takes samples of rows, in rounds. */
export type Measure = (rows: readonly Row[], effort: Effort) => Promise<Map<string, Sample[]>>

const maxWarmUpSeconds = 8
/** Seconds of calls before each sample, per serving thread. An idle process has released memory, and first takes it back. */
const leadInSeconds = 1
/** Share of the whole machine that other processes may use in a quiet sample. */
const maxOthers = 0.05

/**
 * Creates a function that measures rows in rounds: every row of a group once, then every row again. So all of them meet
 * the same state of the machine, and none idles for long, because V8 discards the compiled code of an idle process. The
 * function returns the samples of each row by name, and throws an Error when a response is wrong.
 */
export function createMeasure(
  targets: Targets,
  surroundings: Surroundings,
  report: (text: string) => void,
): Measure {
  const warm = new Set<Started>()
  const warmUpAll = async (rows: readonly Row[], calls: number): Promise<void> => {
    for (const row of rows) {
      const target = await targets.start(row.target)
      const threads = threadsOf(row)
      const wanted = warm.has(target) ? 1 : calls * threads
      for (let done = 0, runs = 0; done < wanted && runs < maxWarmUpSeconds * threads; runs++) {
        done += (await sample({ ...row, rate: undefined }, target, 1, surroundings)).callsPerSecond
      }
      warm.add(target)
    }
  }
  const measureOnce = async (row: Row, { seconds, tries }: Effort): Promise<Sample> => {
    const target = await targets.start(row.target)
    await sample({ ...row, rate: undefined }, target, leadInSeconds * threadsOf(row), surroundings)
    const found = await quietSample(tries, () => sample(row, target, seconds, surroundings))
    if (!Number.isFinite(found.cpuPerCall)) throw new Error(`${row.name} had no response within ${seconds} s`)
    return found
  }
  return async (rows, effort) => {
    const { rounds, roundsOfProcess, warmUp, often } = effort
    const samples = new Map<string, Sample[]>(rows.map(({ name }) => [name, []]))
    const groups = Map.groupBy(rows, ({ group }) => group)
    for (let first = 1; first <= rounds; first += roundsOfProcess) {
      const last = Math.min(first + roundsOfProcess - 1, rounds)
      if (first > 1) await targets.renew()
      for (const [group, together] of groups) {
        await warmUpAll(together, warmUp)
        const times = together.some(row => row.often) ? often : 1
        for (let round = (first - 1) * times + 1; round <= last * times; round++) {
          report(`${group}: round ${round} of ${rounds * times}\n`)
          for (const row of together) samples.get(row.name)!.push(await measureOnce(row, effort))
        }
      }
    }
    return samples
  }
}

/** Returns the number of threads that share the calls. Each is warmed up separately. */
function threadsOf({ target }: Row): number {
  return typeof target === 'string' ? 1 : target.workers
}

/** Returns the first quiet sample, or the quietest of `tries`. */
async function quietSample(tries: number, take: () => Promise<Sample>): Promise<Sample> {
  let best = await take()
  for (let taken = 1; taken < tries && best.others > maxOthers; taken++) {
    const next = await take()
    if (next.others < best.others) best = next
  }
  return best
}

async function sample(
  { connections = usual, call, rate, proxy }: Row,
  { url, running: { pid }, log }: Started,
  seconds: number,
  { folder, cores }: Surroundings,
): Promise<Sample> {
  const place = { cores: cores.load, folder }
  const answerBytes = await check(url(proxy), call)
  const others = watchOthers()
  const begun = performance.now()
  const before = cpuTime(pid)
  const threads = threadTimes(pid)
  const { calls, p50, p99 } =
    rate === undefined
      ? await saturate(url(proxy), call, { ...place, connections, answerBytes, seconds })
      : await pace(url(proxy), { call, rate, seconds }, place)
  const used = cpuTime(pid) - before
  const elapsed = performance.now() - begun
  const [first = 0, second = 0] = [...threadTimes(pid)]
    .map(([thread, time]) => time - (threads.get(thread) ?? 0))
    .toSorted((a, b) => b - a)
  truncateSync(log, 0)
  return {
    callsPerSecond: calls / seconds,
    p50,
    p99,
    cpuPerCall: used / calls,
    busy: used / 1000 / elapsed,
    busiestThread: first / (first + second),
    others: others().used,
  }
}
