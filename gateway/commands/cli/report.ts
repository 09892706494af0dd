import { resolve } from 'node:path'
import { maxFileBytes } from '../../config/document/content-digest.ts'
import { readBounded } from '../../config/document/files.ts'
import { formatGithub, formatJson, formatText } from '../../config/report/format.ts'
import { load, type LoadOptions, type LoadResult } from '../../config/load.ts'
import { shownPath } from '../../config/report/render.ts'
import { formatSarif } from '../../config/report/sarif.ts'
import { printable } from '../../lib/printable.ts'
import { readStdin, usageError, type Io } from './io.ts'

/** Options of every command that reports on a configuration; the file may be the one positional argument as well. */
export const reportOptions = {
  config: { type: 'string', short: 'c' },
  'allow-missing-env': { type: 'boolean', default: false },
  format: { type: 'string' },
  quiet: { type: 'boolean', short: 'q', default: false },
} as const

const formats = ['text', 'json', 'github', 'sarif'] as const

/** What was found in which file, and how it is to be told. */
export interface Report {
  readonly result: LoadResult
  /** The file, as its reader knows it. */
  readonly file: string
  readonly format: (typeof formats)[number]
  readonly quiet: boolean
}

interface Values {
  readonly config?: string
  readonly 'allow-missing-env': boolean
  readonly format?: string
  readonly quiet: boolean
}

/** Reads the configuration that the arguments name, by default gateway.yaml. Returns 2 for a mistake in them. */
export async function readReport(
  { values, positionals }: { values: Values; positionals: string[] },
  review: LoadOptions['review'] & string,
  usage: string,
  io: Io,
): Promise<Report | number> {
  if (values.config !== undefined && positionals.length > 0) {
    return usageError(`give the file once, as '${positionals[0]}' or after -c`, usage, io).exitCode
  }
  const format = formats.find(known => known === (values.format ?? defaultFormat(io)))
  if (format === undefined) {
    return usageError(`'${values.format}' is no format; there are ${formats.join(', ')}`, usage, io).exitCode
  }
  const file = values.config ?? positionals[0] ?? 'gateway.yaml'
  const options = { env: io.env, now: new Date(), allowMissingEnv: values['allow-missing-env'], review }
  const { path, result } = await read(file, options, io)
  return { result, file: shownPath(path, io.cwd), format, quiet: values.quiet }
}

function defaultFormat({ env }: Io): Report['format'] {
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
  const content = await readStdin(io, maxFileBytes)
  const readFile = (wanted: string) => (wanted === path ? content : readBounded(wanted))
  return { path, result: load(path, { ...options, readFile }) }
}

/**
 * Tells what was found, in the format that was asked for.
 *
 * @param verdict what to say of the file on stdout, in text and github; undefined where the answer is no, about which
 *   nothing is kept quiet
 */
export function present({ result, file, format, quiet }: Report, verdict: string | undefined, io: Io): void {
  // Annotations and code scanning want paths from the top of the repository, wherever the job stands.
  const repository = { cwd: io.env['GITHUB_WORKSPACE'] || io.cwd }
  if (format === 'json') return io.stdout(formatJson(result, io))
  if (format === 'sarif') return io.stdout(formatSarif(result, repository))
  if (format === 'github') io.stdout(formatGithub(result, repository))
  else if (!quiet || verdict === undefined) io.stderr(formatText(result, io))
  if (verdict !== undefined && !quiet) io.stdout(`${printable(`${file}: ${verdict}`)}\n`)
}
