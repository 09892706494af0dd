import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Call } from './calls.ts'
import { runToEnd } from './processes.ts'

/** Input of `fixed-rate.ts`. */
export interface PacedJob {
  readonly port: number
  readonly path: string
  readonly call: Call
  /** Calls per second. */
  readonly rate: number
  readonly seconds: number
}

/** Its result. Latencies are milliseconds from the instant when a call was due. */
export interface PacedResult {
  readonly calls: number
  /** Responses with another status, broken connections, and calls without a response. */
  readonly wrong: number
  readonly p50: number
  readonly p99: number
  readonly slowest: number
}

/**
 * Calls at a fixed rate from a separate process.
 *
 * @throws Error when a response is wrong or missing
 */
export async function pace(
  url: string,
  job: Omit<PacedJob, 'port' | 'path'>,
  { cores, folder }: { cores: string; folder: string },
): Promise<PacedResult> {
  const { port, pathname } = new URL(url)
  const file = join(folder, 'fixed-rate.json')
  writeFileSync(file, JSON.stringify({ ...job, port: Number(port), path: pathname } satisfies PacedJob))
  const command = [process.execPath, join(import.meta.dirname, 'fixed-rate.ts'), file]
  const result = JSON.parse(await runToEnd(command, cores)) as PacedResult
  if (result.wrong > 0) throw new Error(`${result.wrong} of ${result.calls} calls to ${url} failed`)
  return result
}
