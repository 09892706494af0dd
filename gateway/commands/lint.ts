import type { Diagnostic } from '../config/document/diagnostics.ts'
import { exitCodeOf } from './cli/exit-code.ts'
import { parseCommandLine, usageError, type Io } from './cli/io.ts'
import { present, readReport, reportOptions } from './cli/report.ts'

const usage = `gatehouse lint [-c gateway.yaml | FILE | -] [options]

Tells what validate does, and gives advice on what is valid and better not done; -
reads from stdin. Opens no connection. Exit code 0 when nothing is found that
counts, 1 when something is.

A comment \`# gatehouse-ignore GH2003: reason\` on a line, or above it, takes that
advice away there; on the first line of a block, in all of it.

  -c, --config FILE      the file to look at (default: gateway.yaml)
  --fail-on SEVERITY     what counts, with all that is graver: error, warning or
                         info (default: warning)
  --allow-missing-env    let environment variables and secret files be absent
  --format FORMAT        text, json, github or sarif (default: text, and github
                         where GITHUB_ACTIONS is true)
  -q, --quiet            say nothing in text when nothing is found that counts
`

const options = { ...reportOptions, 'fail-on': { type: 'string', default: 'warning' } } as const

const severities: readonly Diagnostic['severity'][] = ['error', 'warning', 'info']

/** Gives advice. Returns 0 when nothing is found that counts, 1 when something is, 2 for usage or an unreadable file. */
export async function lint(args: string[], io: Io): Promise<number> {
  const parsed = parseCommandLine(args, options, usage, io, { positionals: 1 })
  if (!parsed.ok) return parsed.exitCode
  const least = severities.findIndex(severity => severity === parsed.values['fail-on'])
  if (least === -1) {
    const sentence = `'${parsed.values['fail-on']}' is no severity; there are ${severities.join(', ')}`
    return usageError(sentence, usage, io).exitCode
  }
  const report = await readReport(parsed, 'lint', usage, io)
  if (typeof report === 'number') return report
  const counts = new Set(severities.slice(0, least + 1))
  const fine = report.result.diagnostics.every(({ severity }) => !counts.has(severity))
  present(report, fine ? 'fine' : undefined, io)
  return fine ? 0 : exitCodeOf(report.result) || 1
}
