import { resolve } from 'node:path'
import { largestFile, readBounded } from '../config/files.ts'
import { formatGithub, formatJson, formatText, type Reported } from '../config/format.ts'
import { load, type LoadOptions, type LoadResult } from '../config/load.ts'
import { shownPath } from '../config/render.ts'
import { formatSarif } from '../config/sarif.ts'
import { exitCodeOf } from './exit-code.ts'
import { parseCommandLine, readStdin, usageError, type Io } from './io.ts'

const usage = `gatehouse validate [-c gateway.yaml | FILE | -] [options]

Checks a configuration and tells everything that is wrong with it; - reads it from
stdin. Opens no connection. Exit code 0 when it is valid, 1 when it is not.

  -c, --config FILE      the file to check (default: gateway.yaml)
  --allow-missing-env    let environment variables and secret files be absent
  --format FORMAT        text, json, github or sarif (default: text, and github
                         where GITHUB_ACTIONS is true)
  -q, --quiet            say nothing in text and github when it is valid
`

const options = {
  config: { type: 'string', short: 'c' },
  'allow-missing-env': { type: 'boolean', default: false },
  format: { type: 'string' },
  quiet: { type: 'boolean', short: 'q', default: false },
} as const

const formats = ['text', 'json', 'github', 'sarif'] as const
type Format = (typeof formats)[number]

/** Checks a configuration and reports. Returns 0 when it is valid, 1 when not, 2 for usage or an unreadable file. */
export async function validate(args: string[], io: Io): Promise<number> {
  const parsed = parseCommandLine(args, options, usage, io, { positionals: 1 })
  if (!parsed.ok) return parsed.exitCode
  const { values, positionals } = parsed
  if (values.config !== undefined && positionals.length > 0) {
    return usageError(`give the file once, as '${positionals[0]}' or after -c`, usage, io).exitCode
  }
  const format = formats.find(known => known === (values.format ?? defaultFormat(io)))
  if (format === undefined) {
    return usageError(`'${values.format}' is no format; there are ${formats.join(', ')}`, usage, io).exitCode
  }
  const file = values.config ?? positionals[0] ?? 'gateway.yaml'
  const { path, result } = await read(
    file,
    { env: io.env, now: new Date(), allowMissingEnv: values['allow-missing-env'] },
    io,
  )
  present(format, shownPath(path, io.cwd), result, values.quiet, io)
  return exitCodeOf(result)
}

function defaultFormat({ env }: Io): Format {
  return env['GITHUB_ACTIONS'] === 'true' ? 'github' : 'text'
}

async function read(
  file: string,
  options: LoadOptions,
  io: Io,
): Promise<{ path: string; result: LoadResult }> {
  if (file !== '-') {
    const path = resolve(io.cwd, file)
    return { path, result: load(path, options) }
  }
  const path = resolve(io.cwd, '<stdin>')
  const content = await readStdin(io, largestFile)
  const readFile = (wanted: string) => (wanted === path ? content : readBounded(wanted))
  return { path, result: load(path, { ...options, readFile }) }
}

function present(format: Format, file: string, result: LoadResult, quiet: boolean, io: Io): void {
  // Annotations and code scanning want paths from the top of the repository, wherever the job stands.
  const repository = { cwd: io.env['GITHUB_WORKSPACE'] || io.cwd }
  if (format === 'json') return io.stdout(formatJson(result, io))
  if (format === 'sarif') return io.stdout(formatSarif(result, repository))
  if (format === 'github') io.stdout(formatGithub(result, repository))
  else if (!quiet || result.loaded === undefined) io.stderr(formatText(result, io))
  if (result.loaded !== undefined && !quiet) io.stdout(`${file}: ${verdict(result)}\n`)
}

function verdict({ loaded }: Reported): string {
  if (loaded === undefined) return 'invalid'
  if (loaded.missing.length === 0) return `valid, revision ${loaded.revision}`
  return `valid; no revision without ${loaded.missing.join(', ')}`
}
