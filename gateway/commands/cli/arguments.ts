import { parseArgs } from 'node:util'
import { printable } from '../../lib/printable.ts'
import type { Help, Option, Options } from './command.ts'
import { helpText, listed } from './help.ts'
import type { Io } from './io.ts'
import { didYouMean } from './did-you-mean.ts'

type ValueOf<Known extends Option> = Known extends { choices: readonly (infer Choice)[] }
  ? Choice
  : Known extends { type: 'boolean' }
    ? boolean
    : Known extends { multiple: true }
      ? string[]
      : string

/** Values of a command's options; undefined for one that was left out and has no default. */
export type Values<Known extends Options> = {
  readonly [Name in keyof Known]:
    | ValueOf<Known[Name]>
    | (Known[Name] extends { default: unknown } ? never : undefined)
}

/** Arguments of a command, or the exit code with which it ends at once. */
export type CommandLine<Known extends Options> =
  | { ok: true; values: Values<Known>; positionals: string[] }
  | { ok: false; exitCode: number }

interface CommandLineFile {
  readonly values: { readonly config: string | undefined }
  readonly positionals: readonly string[]
}

type Output = Pick<Io, 'stdout' | 'stderr'>

/**
 * Parses the arguments of a command. `--no-x` turns off a boolean option x. `--help` and `-h` print the help on stdout,
 * with exit code 0. A mistake is reported on stderr, with exit code 2.
 */
export async function parseCommandLine<const Known extends Options>(
  args: string[],
  help: Help<Known>,
  io: Output,
): Promise<CommandLine<Known>> {
  const beforeDashes = args.slice(0, args.includes('--') ? args.indexOf('--') : args.length)
  if (beforeDashes.some(argument => argument === '--help' || argument === '-h')) {
    io.stdout(helpText(help))
    return { ok: false, exitCode: 0 }
  }
  const { maxPositionals = 0 } = help
  const options: Options = help.options
  let parsed
  try {
    parsed = parseArgs({ args, options, allowPositionals: true, allowNegative: true })
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException
    if (!code.startsWith('ERR_PARSE_ARGS')) throw error
    return refused(await explain(code, message, options), help, io)
  }
  const { values, positionals } = parsed
  if (positionals.length > maxPositionals)
    return refused(`unexpected argument \`${positionals[maxPositionals]}\``, help, io)
  for (const [name, { choices }] of Object.entries(options)) {
    const value = values[name]
    if (choices !== undefined && typeof value === 'string' && !choices.includes(value))
      return refused(`invalid value \`${value}\` for \`--${name}\`: expected ${listed(choices)}`, help, io)
  }
  return { ok: true, values: values as unknown as Values<Known>, positionals }
}

/** Returns the configuration that the arguments name, by default gateway.yaml; or exit code 2 when they name it twice. */
export function configFrom(
  { values: { config }, positionals: [file] }: CommandLineFile,
  help: Pick<Help, 'name'>,
  io: Pick<Io, 'stderr'>,
): string | number {
  if (config !== undefined && file !== undefined)
    return usageError(`the file is given twice, as \`${file}\` and with \`--config\``, help, io)
  return config ?? file ?? 'gateway.yaml'
}

function refused(sentence: string, help: Pick<Help, 'name'>, io: Output): { ok: false; exitCode: number } {
  return { ok: false, exitCode: usageError(sentence, help, io) }
}

/** Reports a mistake in the arguments, with the command that shows the help. Returns exit code 2. */
export function usageError(
  sentence: string,
  { name }: Pick<Help, 'name'>,
  { stderr }: Pick<Io, 'stderr'>,
): 2 {
  const command = ['gatehouse', name, '--help'].filter(word => word !== '').join(' ')
  stderr(`gatehouse: ${printable(sentence)}\nRun \`${command}\` for usage.\n`)
  return 2
}

/** Rewords an error of parseArgs. */
async function explain(code: string, message: string, options: Options): Promise<string> {
  const [, quoted = ''] = /'([^']*)'/.exec(message) ?? []
  if (code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION') {
    const hint = await didYouMean(
      quoted,
      Object.keys(options).map(name => `--${name}`),
    )
    return `unknown option \`${quoted}\`${hint}`
  }
  const [, flag = quoted] = /(--[\w-]+)/.exec(quoted) ?? []
  return `option \`${flag}\` ${message.includes('does not take') ? 'takes no value' : 'needs a value'}`
}
