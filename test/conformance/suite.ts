import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { parse } from 'yaml'

export type Check = {
  id: string
  name: string
  status: 'SUCCESS' | 'FAILURE' | 'WARNING' | 'SKIPPED' | 'INFO'
  errorMessage?: string
}

/** The checks of one run, by scenario. */
export type Results = Map<string, Check[]>

export type SuiteRun = {
  url: string
  /** What to run: the requirements of a revision, or one scenario at a revision. */
  selection: ['--requirements', string] | ['--scenario', string, '--spec-version', string]
  /** Added to each request that the suite sends. */
  headers?: Record<string, string>
  /** An empty folder for the results. */
  directory: string
}

const suiteRoot = dirname(
  createRequire(import.meta.url).resolve('@modelcontextprotocol/conformance/package.json'),
)

/** The scenarios that decide the score of a revision. Throws when the suite has no such revision. */
export async function scoredScenarios(revision: string): Promise<string[]> {
  const requirements = parse(await readFile(join(suiteRoot, 'requirements', `${revision}.yaml`), 'utf8'))
  return (requirements as { server: string[] }).server
}

/**
 * Runs the installed conformance suite once and reads what it found. A failing check is a result; only
 * a suite that leaves no results at all is an error.
 */
export async function runSuite(run: SuiteRun): Promise<Results> {
  const preload = join(import.meta.dirname, 'inject.cjs')
  const program = join(suiteRoot, 'dist', 'index.js')
  const request = ['server', '--url', run.url, ...run.selection, '--output-dir', run.directory]
  const child = spawn(process.execPath, ['--require', preload, program, ...request], {
    env: { ...process.env, INJECT_HEADERS: JSON.stringify(run.headers ?? {}) },
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: 120_000,
  })
  let complaint = ''
  child.stderr.on('data', chunk => void (complaint += String(chunk)))
  await once(child, 'close')
  const results = await readResults(run.directory)
  if (results.size === 0) throw new Error(`the conformance suite left no results: ${complaint}`)
  return results
}

async function readResults(directory: string): Promise<Results> {
  const results: Results = new Map()
  for (const folder of await readdir(directory)) {
    const scenario = /^server-(.+)-\d{4}-\d\d-\d\dT[\dZ-]+$/.exec(folder)?.[1]
    if (scenario === undefined) continue
    // A scenario that broke off leaves an empty folder.
    const checks = await readFile(join(directory, folder, 'checks.json'), 'utf8').catch(() => '[]')
    results.set(scenario, JSON.parse(checks) as Check[])
  }
  return results
}
