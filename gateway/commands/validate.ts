import type { Reported } from '../config/report/format.ts'
import { exitCodeOf } from './cli/exit-code.ts'
import { parseCommandLine, type Io } from './cli/io.ts'
import { present, readReport, reportOptions } from './cli/report.ts'

const usage = `gatehouse validate [-c gateway.yaml | FILE | -] [options]

Checks a configuration and tells everything that is wrong with it; - reads it from
stdin. Opens no connection. Exit code 0 when it is valid, 1 when it is not.

  -c, --config FILE      the file to check (default: gateway.yaml)
  --allow-missing-env    let environment variables and secret files be absent
  --format FORMAT        text, json, github or sarif (default: text, and github
                         where GITHUB_ACTIONS is true)
  -q, --quiet            say nothing in text and github when it is valid
`

/** Checks a configuration and reports. Returns 0 when it is valid, 1 when not, 2 for usage or an unreadable file. */
export async function validate(args: string[], io: Io): Promise<number> {
  const parsed = parseCommandLine(args, reportOptions, usage, io, { positionals: 1 })
  if (!parsed.ok) return parsed.exitCode
  const report = await readReport(parsed, 'validate', usage, io)
  if (typeof report === 'number') return report
  present(report, verdict(report.result), io)
  return exitCodeOf(report.result)
}

function verdict({ loaded }: Pick<Reported, 'loaded'>): string | undefined {
  if (loaded === undefined) return undefined
  if (loaded.missing.length === 0) return `valid, revision ${loaded.revision}`
  return `valid; no revision without ${loaded.missing.join(', ')}`
}
