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

/** Checks of one run, by scenario. */
export type Results = Map<string, Check[]>

export type SuiteRun = {
  url: string
  /** Selection: the requirements of a revision, or one scenario at a revision, on its timeline or not. */
  selection: ['--requirements', string] | ['--scenario', string, '--spec-version', string, '--force']
  /** Added to each request that the suite sends. */
  headers?: Record<string, string>
  /** An empty folder for the results. */
  directory: string
}

export type ClientScenario = {
  scenario: string
  /** Client command. The suite appends the URL of its server. */
  command: string[]
  environment: Record<string, string>
  /** An existing folder for the results. */
  directory: string
}

/** Result of a scenario, and the output of its client. */
export type ClientRun = { checks: Check[]; stdout: string; stderr: string }

const suiteRoot = dirname(
  createRequire(import.meta.url).resolve('@modelcontextprotocol/conformance/package.json'),
)

/** Returns the scenarios that decide the score of a revision. Throws when the suite has no such revision. */
export async function scoredScenarios(revision: string): Promise<string[]> {
  const requirements = parse(await readFile(join(suiteRoot, 'requirements', `${revision}.yaml`), 'utf8'))
  return (requirements as { server: string[] }).server
}

/**
 * Runs the installed conformance suite once and reads its results. A failing check is a result; only a run without results
 * is an error.
 */
export async function runSuite(run: SuiteRun): Promise<Results> {
  const request = ['server', '--url', run.url, ...run.selection, '--output-dir', run.directory]
  const { complaint } = await runProgram('inject.cjs', request, {
    INJECT_HEADERS: JSON.stringify(run.headers ?? {}),
  })
  const results = await readResults(run.directory)
  if (results.size === 0) throw new Error(`the conformance suite left no results: ${complaint}`)
  return results
}

/** Returns the names of all scenarios for clients or servers. */
export async function listScenarios(of: 'client' | 'server'): Promise<string[]> {
  const { output } = await runProgram('loopback.cjs', ['list', `--${of}`])
  return output.split('\n').flatMap(line => /^ *- (\S+)/.exec(line)?.[1] ?? [])
}

/** Runs one scenario for clients at the newest revision. */
export async function runClientScenario(run: ClientScenario): Promise<ClientRun> {
  const selection = ['--scenario', run.scenario, '--spec-version', '2026-07-28', '--force']
  const request = ['client', '--command', run.command.join(' '), ...selection, '--output-dir', run.directory]
  const { complaint } = await runProgram('loopback.cjs', request, run.environment)
  const folder = /^Results saved to (.+)$/m.exec(complaint)?.[1]
  if (folder === undefined) throw new Error(`${run.scenario} left no results: ${complaint}`)
  const read = (name: string): Promise<string> => readFile(join(folder, name), 'utf8')
  return {
    checks: JSON.parse(await read('checks.json')) as Check[],
    stdout: await read('stdout.txt'),
    stderr: await read('stderr.txt'),
  }
}

async function runProgram(
  preload: string,
  request: string[],
  environment: Record<string, string> = {},
): Promise<{ output: string; complaint: string }> {
  const program = join(suiteRoot, 'dist', 'index.js')
  const required = join(import.meta.dirname, preload)
  const child = spawn(process.execPath, ['--require', required, program, ...request], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 120_000,
  })
  let output = ''
  let complaint = ''
  child.stdout.on('data', chunk => void (output += String(chunk)))
  child.stderr.on('data', chunk => void (complaint += String(chunk)))
  await once(child, 'close')
  return { output, complaint }
}

async function readResults(directory: string): Promise<Results> {
  const results: Results = new Map()
  for (const folder of await readdir(directory)) {
    const scenario = /^server-(.+)-\d{4}-\d\d-\d\dT[\dZ-]+$/.exec(folder)?.[1]
    if (scenario === undefined) continue
    // An aborted scenario leaves an empty folder.
    const checks = await readFile(join(directory, folder, 'checks.json'), 'utf8').catch(() => '[]')
    results.set(scenario, JSON.parse(checks) as Check[])
  }
  return results
}
