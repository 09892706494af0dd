import { parseArgs, type ParseArgsOptionsConfig } from 'node:util'
import type { LogSink } from '../../observe/log-output.ts'
import { printable } from '../../lib/printable.ts'

/** Everything of the world that a command may touch besides files. */
export interface Io {
  stdin: NodeJS.ReadableStream
  /** Results. */
  stdout: (text: string) => void
  /** Diagnostics. */
  stderr: (text: string) => void
  /** Where a gateway writes its log: stderr unless given, in a way that never stops the gateway. */
  logSink?: LogSink
  env: Record<string, string | undefined>
  cwd: string
  /** Whether stderr takes colour; false with NO_COLOR. */
  colour: boolean
}

type Values<Options extends ParseArgsOptionsConfig> = ReturnType<
  typeof parseArgs<{ options: Options; allowPositionals: true; allowNegative: true }>
>['values']

export type CommandLine<Options extends ParseArgsOptionsConfig> =
  | { ok: true; values: Values<Options>; positionals: string[] }
  | { ok: false; exitCode: number }

/**
 * Takes the arguments of a command, the options that it knows (as for node:util parseArgs; `--no-x` turns off a boolean
 * x), its usage text, and how many positional arguments it takes at most. A mistake is told in a sentence with the usage
 * on stderr, and the exit code is 2; `--help` and `-h` print the usage on stdout, and it is 0.
 */
export function parseCommandLine<const Options extends ParseArgsOptionsConfig>(
  args: string[],
  options: Options,
  usage: string,
  io: Pick<Io, 'stdout' | 'stderr'>,
  { positionals: most = 0 }: { positionals?: number } = {},
): CommandLine<Options> {
  const beforeDashes = args.slice(0, args.includes('--') ? args.indexOf('--') : args.length)
  if (beforeDashes.some(argument => argument === '--help' || argument === '-h')) {
    io.stdout(`usage: ${usage}`)
    return { ok: false, exitCode: 0 }
  }
  try {
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true, allowNegative: true })
    if (positionals.length <= most) return { ok: true, values: values as Values<Options>, positionals }
    return usageError(`'${positionals[most]}' is one argument too many`, usage, io)
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException
    if (!code.startsWith('ERR_PARSE_ARGS')) throw error
    return usageError(message.split('. ')[0] ?? message, usage, io)
  }
}

/** Tells a mistake in the arguments, which is exit code 2. */
export function usageError(
  sentence: string,
  usage: string,
  io: Pick<Io, 'stderr'>,
): { ok: false; exitCode: number } {
  io.stderr(`gatehouse: ${printable(sentence)}\n\nusage: ${usage}`)
  return { ok: false, exitCode: 2 }
}

/** Reads standard input to its end, or to the first piece beyond `limit` bytes. */
export async function readStdin({ stdin }: Pick<Io, 'stdin'>, limit: number): Promise<Buffer> {
  const pieces: Buffer[] = []
  let length = 0
  for await (const piece of stdin) {
    pieces.push(Buffer.from(piece))
    length += pieces.at(-1)!.length
    if (length > limit) break
  }
  return Buffer.concat(pieces)
}
