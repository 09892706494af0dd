import type { ReportInput } from '../config/report/format.ts'
import { exitCodeOf } from './cli/exit-code.ts'
import { parseCommandLine } from './cli/arguments.ts'
import type { Io } from './cli/io.ts'
import { present, readReport, reportOptions } from './cli/report.ts'

export const help = {
  name: 'validate',
  args: '[FILE]',
  maxPositionals: 1,
  paragraphs: [
    'Checks a configuration and reports every problem. FILE `-` is stdin. No connection is opened.',
  ],
  options: reportOptions,
  exitCodes: [
    ['0', 'The configuration is valid'],
    ['1', 'The configuration has errors'],
    ['2', 'Invalid usage, or a configuration that cannot be read'],
  ],
} as const

/** Runs the command. Returns the exit code. */
export async function run(args: string[], io: Io): Promise<number> {
  const parsed = await parseCommandLine(args, help, io)
  if (!parsed.ok) return parsed.exitCode
  const report = await readReport(parsed, 'validate', help, io)
  if (typeof report === 'number') return report
  present(report, verdict(report.result), io)
  return exitCodeOf(report.result)
}

function verdict({ loaded }: Pick<ReportInput, 'loaded'>): string | undefined {
  if (loaded === undefined) return undefined
  if (loaded.missing.length === 0) return `valid, revision ${loaded.revision}`
  return `valid; the revision needs ${loaded.missing.join(', ')}`
}
