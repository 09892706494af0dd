import { resolve } from 'node:path'
import { maxFileBytes } from '../../config/document/content-digest.ts'
import { readBounded } from '../../config/document/files.ts'
import { formatGithub, formatJson, formatText } from '../../config/report/format.ts'
import { load, type LoadOptions, type LoadResult } from '../../config/load.ts'
import { relativePath } from '../../config/report/render.ts'
import { formatSarif } from '../../config/report/sarif.ts'
import { printable } from '../../lib/printable.ts'
import { configFrom, type Values } from './arguments.ts'
import { configOption } from './common-options.ts'
import type { Help } from './command.ts'
import { readStdin, type Io } from './io.ts'

/** Options of every command that reports on a configuration. The file may also be the positional argument. */
export const reportOptions = {
  config: configOption,
  'allow-missing-env': {
    type: 'boolean',
    default: false,
    help: 'Allow environment variables and secret files to be missing',
  },
  format: {
    type: 'string',
    value: 'FORMAT',
    choices: ['text', 'json', 'github', 'sarif'],
    help: 'Output format',
    defaultHelp: 'text, or github when GITHUB_ACTIONS is true',
  },
  quiet: {
    type: 'boolean',
    short: 'q',
    default: false,
    help: 'In text and github format, print nothing when the check passes',
  },
} as const

/** Findings in a file, and how to present them. */
export interface Report {
  readonly result: LoadResult
  /** The file, as it is shown to the user. */
  readonly file: string
  readonly format: (typeof reportOptions)['format']['choices'][number]
  readonly quiet: boolean
}

/** Reads the configuration that the arguments name, by default gateway.yaml. Returns 2 when they name it twice. */
export async function readReport(
  { values, positionals }: { values: Values<typeof reportOptions>; positionals: string[] },
  review: LoadOptions['review'] & string,
  help: Pick<Help, 'name'>,
  io: Io,
): Promise<Report | number> {
  const file = configFrom({ values, positionals }, help, io)
  if (typeof file === 'number') return file
  const format = values.format ?? defaultFormat(io)
  const options = { env: io.env, now: new Date(), allowMissingEnv: values['allow-missing-env'], review }
  const { path, result } = await read(file, options, io)
  return { result, file: relativePath(path, io.cwd), format, quiet: values.quiet }
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
 * Prints the findings in the format that was asked for.
 *
 * @param verdict what stdout says of the file, in text and github; undefined when the check failed, which `quiet` does
 *   not silence
 */
export function present({ result, file, format, quiet }: Report, verdict: string | undefined, io: Io): void {
  // Annotations and code scanning need paths from the top of the repository, whatever the working directory.
  const repository = { cwd: io.env['GITHUB_WORKSPACE'] || io.cwd }
  if (format === 'json') return io.stdout(formatJson(result, io))
  if (format === 'sarif') return io.stdout(formatSarif(result, repository))
  if (format === 'github') io.stdout(formatGithub(result, repository))
  else if (!quiet || verdict === undefined) io.stderr(formatText(result, io))
  if (verdict !== undefined && !quiet) io.stdout(`${printable(`${file}: ${verdict}`)}\n`)
}
