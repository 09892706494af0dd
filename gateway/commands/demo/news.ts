/** A line of the log, as far as a person at the terminal wants to know. */
interface LogLine {
  readonly event: string
  readonly diagnostics?: readonly {
    readonly line: number
    readonly severity: string
    readonly code: string
    readonly message: string
  }[]
}

/** Returns what the log says about changes of the configuration, for people; empty for all other lines. */
export function changesIn(log: string): string {
  return log
    .split('\n')
    .map(line => (line === '' ? '' : changeIn(JSON.parse(line) as LogLine)))
    .join('')
}

function changeIn({ event, diagnostics = [] }: LogLine): string {
  if (event === 'config_applied' || event === 'config_unchanged') return 'The configuration is applied.\n'
  if (event !== 'config_refused') return ''
  const errors = diagnostics.filter(({ severity }) => severity === 'error')
  const lines = errors.map(({ line, code, message }) => `  line ${line}: ${code} ${message}\n`)
  return `The configuration has errors, so nothing changes:\n${lines.join('')}`
}
