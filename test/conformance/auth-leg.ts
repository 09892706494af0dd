import { join } from 'node:path'
import { authScenarios, otherAuthScenarios, type AuthExpectation } from './auth-scenarios.ts'
import { listScenarios, runClientScenario, type ClientRun } from './suite.ts'

const atOnce = 2

/**
 * Runs the suite's `auth/*` scenarios with a gateway as the OAuth client, and compares each with its expected outcome.
 *
 * @param program the gateway's `main.ts`
 * @param directory an existing folder for the results
 * @returns the number of scenarios that pass, and those with another outcome than expected; those that cannot pass are in
 *   neither
 */
export async function runAuthLeg(
  program: string,
  directory: string,
): Promise<{ passed: number; problems: string[] }> {
  const listed = (await listScenarios('client')).filter(name => name.startsWith('auth/'))
  const known = new Set([...Object.keys(authScenarios), ...Object.keys(otherAuthScenarios)])
  const problems = listed
    .filter(name => !known.has(name))
    .map(name => `${name}: nothing is said of it in auth-scenarios.ts`)
  const queue = Object.entries(authScenarios)
  let passed = 0
  const work = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const [scenario, expectation] = next
      const environment = { UPSTREAM_AUTH: JSON.stringify(expectation.auth ?? {}) }
      const command = [process.execPath, join(import.meta.dirname, 'auth-client.ts'), program]
      const run = await runClientScenario({ scenario, command, environment, directory })
      const wrong = differences(expectation, run)
      if (wrong.length > 0) problems.push(`${scenario}: ${wrong.join('; ')}`)
      else if (expectation.cannot === undefined) passed++
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  report(passed, problems)
  return { passed, problems }
}

function differences({ outcome, cannot }: AuthExpectation, run: ClientRun): string[] {
  const found = outcomeOf(run)
  const failed = run.checks.filter(({ status }) => status === 'FAILURE' || status === 'WARNING')
  const failing = [...new Set(failed.map(({ id }) => id))].toSorted().join(', ') || 'nothing'
  const expected = cannot?.checks.toSorted().join(', ') ?? 'nothing'
  const passed = run.checks.filter(({ status }) => status === 'SUCCESS').map(({ id }) => id)
  return [
    ...(found === outcome ? [] : [`came to ${found}, not to ${outcome}`]),
    ...(failing === expected ? [] : [`fails ${failing}, where ${expected} should`]),
    ...(passed.length > 0 ? [] : ['no check passed']),
    ...(passed.includes('authorization-request') ? ['sends a user to the authorization server'] : []),
  ]
}

/** Returns the reason in the gateway's log, or how far the client got. */
function outcomeOf({ stdout, stderr }: ClientRun): string {
  const [, reason] = /"event":"upstream_token_failed".*"reason":"(\w+)"/.exec(stderr) ?? []
  return reason ?? /^(?:called|denied)$/m.exec(stdout)?.[0] ?? 'neither'
}

function report(passed: number, problems: string[]): void {
  const { length } = Object.values(authScenarios).filter(({ cannot }) => cannot !== undefined)
  console.log(
    `${problems.length === 0 ? 'ok' : 'not ok'} auth/* with the gateway as the OAuth client: ${passed} scenarios pass, ` +
      `${length} cannot, as auth-scenarios.ts says`,
  )
  for (const problem of problems) console.log(`  ${problem}`)
}
