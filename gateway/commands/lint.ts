import type { Diagnostic } from '../config/document/diagnostics.ts'
import { exitCodeOf } from './cli/exit-code.ts'
import { parseCommandLine } from './cli/arguments.ts'
import type { Io } from './cli/io.ts'
import { present, readReport, reportOptions } from './cli/report.ts'

const severities = ['error', 'warning', 'info'] as const satisfies readonly Diagnostic['severity'][]

const options = {
  ...reportOptions,
  'fail-on': {
    type: 'string',
    value: 'SEVERITY',
    choices: severities,
    default: 'warning',
    help: 'Lowest severity that makes the check fail',
  },
} as const

export const help = {
  name: 'lint',
  args: '[FILE]',
  maxPositionals: 1,
  paragraphs: [
    'Checks a configuration as `gatehouse validate` does, and warns about settings that are valid but risky. FILE `-` is stdin. No connection is opened.',
    'To suppress a finding, add a comment such as `# gatehouse-ignore GH2003: reason` on the line or above it. On the first line of a block, the comment applies to the whole block.',
  ],
  options,
  exitCodes: [
    ['0', 'Nothing at or above the severity of --fail-on was found'],
    ['1', 'Something was found'],
    ['2', 'Invalid usage, or a configuration that cannot be read'],
  ],
} as const

/** Verdict on a file in which nothing was found that makes the check fail. */
const verdicts = { error: 'no errors found', warning: 'no problems found', info: 'nothing found' }

/** Runs the command. Returns the exit code. */
export async function run(args: string[], io: Io): Promise<number> {
  const parsed = await parseCommandLine(args, help, io)
  if (!parsed.ok) return parsed.exitCode
  const failOn = parsed.values['fail-on']
  const report = await readReport(parsed, 'lint', help, io)
  if (typeof report === 'number') return report
  const failing = new Set<Diagnostic['severity']>(severities.slice(0, severities.indexOf(failOn) + 1))
  const passed = report.result.diagnostics.every(({ severity }) => !failing.has(severity))
  present(report, passed ? verdicts[failOn] : undefined, io)
  return passed ? 0 : exitCodeOf(report.result) || 1
}
