import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { runAuthLeg } from './auth-leg.ts'
import { startEverythingServer } from './everything-server.ts'
import { extensionScenarios, impossibleScenarios, separateScenarios } from './extension-scenarios.ts'
import { startGateway } from './gateway.ts'
import { listScenarios, runSuite, scoredScenarios } from './suite.ts'
import type { Check, Results } from './suite.ts'

type Leg = { revision: string; results: Results }
type Verdict = { passed: number; problems: string[] }

/** Scenarios that a revision does not score, but that must pass here. */
const alsoRequired: Record<string, string[]> = {
  '2025-11-25': ['server-session-lifecycle', 'server-sse-polling', 'json-schema-2020-12'],
  '2026-07-28': [
    'http-header-validation',
    'http-custom-header-server-validation',
    'json-schema-2020-12',
    ...extensionScenarios,
    ...separateScenarios,
  ],
}

const { values: options } = parseArgs({
  options: {
    'direct-only': { type: 'boolean', default: false },
    gateway: { type: 'string', default: join(import.meta.dirname, '../../gateway/main.ts') },
  },
})

const directory = await mkdtemp(join(tmpdir(), 'gatehouse-conformance-'))
const fixture = await startEverythingServer()
const verdicts: Verdict[] = []
try {
  verdicts.push(await everyExtensionScenario())
  const direct = await runLegs('direct', fixture.url)
  for (const leg of direct) verdicts.push(await judge('direct', leg))
  if (!options['direct-only']) {
    await throughGateway(direct)
    verdicts.push(await runAuthLeg(options.gateway, await emptyDirectory('auth')))
  }
} catch (error) {
  console.log(`not ok ${(error as Error).message}`)
  verdicts.push({ passed: 0, problems: ['the runs did not complete'] })
} finally {
  await fixture.close()
}

const passed = verdicts.reduce((sum, verdict) => sum + verdict.passed, 0)
const failed = verdicts.reduce((sum, verdict) => sum + verdict.problems.length, 0)
if (failed === 0) await rm(directory, { recursive: true })
else console.log(`results are in ${directory}`)
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 && passed > 0 ? 0 : 1

async function throughGateway(direct: Leg[]): Promise<void> {
  const where = 'through the gateway with a key'
  const key = randomBytes(32).toString('base64url')
  const gateway = await startGateway(options.gateway, { url: fixture.url }, key, directory)
  try {
    const headers = { authorization: `Bearer ${key}` }
    for (const leg of await runLegs(where, gateway.url, headers)) {
      const baseline = direct.find(({ revision }) => revision === leg.revision)
      verdicts.push(await judge(where, leg, baseline?.results))
    }
    verdicts.push(await refusesWrongKey(gateway.url))
  } finally {
    await gateway.stop()
  }
}

/** Runs the suite for both revisions at the same time. More would disturb its timing checks. */
function runLegs(where: string, url: string, headers: Record<string, string> = {}): Promise<Leg[]> {
  return Promise.all(
    Object.keys(alsoRequired).map(async revision => {
      const directory = await emptyDirectory(`${revision} ${where}`)
      const run = { url, headers, directory }
      let results = await runSuite({ ...run, selection: ['--requirements', revision] })
      for (const scenario of separateScenarios) {
        if (!alsoRequired[revision]!.includes(scenario)) continue
        const selection = ['--scenario', scenario, '--spec-version', revision, '--force'] as const
        results = await runSuite({ ...run, selection: [...selection] })
      }
      return { revision, results }
    }),
  )
}

/** Judges the required scenarios of a leg and, given a baseline, all scenarios with a different result. */
async function judge(where: string, { revision, results }: Leg, baseline?: Results): Promise<Verdict> {
  const scored = await scoredScenarios(revision)
  const required = new Set([...scored, ...(alsoRequired[revision] ?? [])])
  const problems: string[] = []
  let passed = 0
  for (const scenario of new Set([...required, ...(baseline?.keys() ?? []), ...results.keys()])) {
    const checks = results.get(scenario) ?? []
    const wrong = [
      ...(required.has(scenario) ? failures(checks) : []),
      ...(baseline ? differences(baseline.get(scenario) ?? [], checks) : []),
    ]
    if (wrong.length > 0) problems.push(`${scenario}: ${wrong.join('; ')}`)
    else if (required.has(scenario)) passed += 1
  }
  const scoredChecks = scored.flatMap(scenario => successes(results.get(scenario) ?? [])).length
  const state = problems.length === 0 ? 'ok' : 'not ok'
  console.log(
    `${state} ${revision} ${where}: ${passed} of ${required.size} scenarios, ` +
      `${scored.length} of them scored with ${scoredChecks} checks`,
  )
  for (const problem of problems) console.log(`  ${problem}`)
  return { passed, problems }
}

/** Finds scenarios of extensions that no list mentions. */
async function everyExtensionScenario(): Promise<Verdict> {
  const known = new Set([...extensionScenarios, ...separateScenarios, ...Object.keys(impossibleScenarios)])
  const listed = (await listScenarios('server')).filter(name => /^(?:sep-2640|tasks)-/.test(name))
  const problems = listed
    .filter(name => !known.has(name))
    .map(name => `${name}: nothing is said of it in extension-scenarios.ts`)
  for (const problem of problems) console.log(`not ok ${problem}`)
  for (const [name, why] of Object.entries(impossibleScenarios)) console.log(`cannot ${name}: ${why}`)
  return { passed: 0, problems }
}

/** Proves that requests pass the gateway and need the key: a wrong one gets 401 and no tools. */
async function refusesWrongKey(url: string): Promise<Verdict> {
  const headers = { authorization: `Bearer ${randomBytes(32).toString('base64url')}` }
  const { status } = await fetch(url, { method: 'POST', headers })
  const results = await runSuite({
    url,
    headers,
    selection: ['--scenario', 'tools-list', '--spec-version', '2026-07-28', '--force'],
    directory: await emptyDirectory('wrong key'),
  })
  const checks = results.get('tools-list') ?? []
  const listed = checks.find(({ id }) => id === 'tools-list')?.status
  const refused = status === 401 && listed === 'FAILURE'
  const state = refused ? 'ok' : 'not ok'
  console.log(
    `${state} tools-list through the gateway with a wrong key: HTTP ${status}, ${listed ?? 'not run'}`,
  )
  return refused ? { passed: 1, problems: [] } : { passed: 0, problems: ['a wrong key was not refused'] }
}

/** Returns the checks that fail a scenario. Warnings count, because the suite reports a violated SHOULD as one. */
function failures(checks: Check[]): string[] {
  const failed = checks.filter(({ status }) => status === 'FAILURE' || status === 'WARNING')
  if (failed.length === 0 && successes(checks).length === 0) return ['no check passed']
  return failed.map(check => `${check.status} ${label(check)}: ${check.errorMessage ?? ''}`)
}

function differences(direct: Check[], other: Check[]): string[] {
  const lost = successes(other).reduce(without, successes(direct))
  const gained = successes(direct).reduce(without, successes(other))
  return [
    ...lost.map(name => `passes only directly: ${name}`),
    ...gained.map(name => `passes only here: ${name}`),
  ]
}

/** Removes one occurrence, because a scenario may run the same check several times. */
function without(labels: string[], label: string): string[] {
  const index = labels.indexOf(label)
  return index === -1 ? labels : labels.toSpliced(index, 1)
}

function successes(checks: Check[]): string[] {
  return checks.filter(({ status }) => status === 'SUCCESS').map(label)
}

function label({ id, name }: Check): string {
  return id === name ? id : `${id} (${name})`
}

async function emptyDirectory(name: string): Promise<string> {
  const path = join(directory, name.replaceAll(' ', '-'))
  await mkdir(path)
  return path
}
