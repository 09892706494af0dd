import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Call } from './calls.ts'
import { runToEnd } from './processes.ts'

/** What `fixed-rate.ts` is told. */
export interface PacedJob {
  readonly port: number
  readonly path: string
  readonly call: Call
  /** Calls a second. */
  readonly rate: number
  readonly seconds: number
}

/** What it found; milliseconds from the instant that a call was due. */
export interface PacedResult {
  readonly calls: number
  /** Answers with another status, connections that broke, and calls without an answer. */
  readonly wrong: number
  readonly p50: number
  readonly p99: number
  readonly slowest: number
}

/**
 * Calls at a fixed rate from a process of its own.
 *
 * @throws Error where an answer is wrong or missing
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
  if (result.wrong > 0) throw new Error(`of ${result.calls} calls to ${url} ${result.wrong} went wrong`)
  return result
}
