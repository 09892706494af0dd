import type { Loaded } from '../../config/load.ts'
import { MalformedError } from '../../values/malformed.ts'
import { toPointer } from '../../config/document/pointer.ts'
import { relativePath } from '../../config/report/render.ts'
import { resolveSchema } from '../../config/schema/schema.ts'
import { helpWithName, nearest } from '../../config/document/suggest.ts'
import { usageError } from '../cli/arguments.ts'
import { formatOption } from '../cli/common-options.ts'
import type { Help } from '../cli/command.ts'
import type { Io } from '../cli/io.ts'

/** Options of every command that edits the configuration. */
export const editing = {
  config: { type: 'string', short: 'c', value: 'FILE', default: 'gateway.yaml', help: 'Configuration file' },
  format: formatOption,
  quiet: { type: 'boolean', short: 'q', default: false, help: 'Print only errors on stderr' },
  'dry-run': {
    type: 'boolean',
    default: false,
    help: 'Write nothing, and print the file as it would become',
  },
} as const

/** Exit codes of every command that edits the configuration. */
export const editingExitCodes = [
  ['0', 'The command succeeded'],
  ['1', 'The command was refused, for example because the configuration has errors'],
  ['2', 'Invalid usage, or a file that cannot be read or written'],
] as const

/** A mistake in the arguments. The message says what is wrong. */
export class UsageError extends Error {
  override name = 'UsageError'
}

/** Runs `parse`, which reads the arguments further. Reports a UsageError on stderr and returns exit code 2. */
export function orUsage<Result>(help: Pick<Help, 'name'>, io: Io, parse: () => Result): Result | number {
  try {
    return parse()
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    return usageError(error.message, help, io)
  }
}

/** Parses the value of an option. Throws UsageError when it is malformed. */
export function valueOf<Result>(flag: string, text: string, parse: (text: string) => Result): Result {
  try {
    return parse(text)
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error
    throw new UsageError(`invalid value \`${text}\` for \`${flag}\`; ${error.help}`)
  }
}

/** Returns the name of a key, the only positional argument. Throws UsageError. */
export function nameFrom([name]: readonly string[]): string {
  if (name === undefined) throw new UsageError('missing argument: the name of the key')
  if (isName(name)) return name
  const { description = '' } = resolveSchema({ $ref: '#/$defs/Name' })
  throw new UsageError(`invalid key name \`${name}\`. ${description}`)
}

/** Returns whether a text can be the name of a key. */
export function isName(text: string): boolean {
  const { pattern = '' } = resolveSchema({ $ref: '#/$defs/Name' })
  return new RegExp(pattern, 'u').test(text)
}

/** Formats milliseconds since 1970 as RFC 3339 in UTC, to the second. */
export function instantText(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace(/\.\d{3}Z$/, 'Z')
}

/** Returns the message for an unknown key, with a suggestion. */
export function noSuchKey({ config }: Loaded, name: string): string {
  const names = Object.keys(config.keys)
  return `unknown key \`${name}\`; ${helpWithName(nearest(name, names), names, 'add it with `gatehouse keys new`')}`
}

/** Finds where a key is declared: the path of the file, and file:line:column as text. */
export function placeOf(loaded: Loaded, name: string, cwd: string): { file: string; text: string } {
  const { file, line, column } = loaded.locate(toPointer(['keys', name]))!
  return { file, text: `${relativePath(file, cwd)}:${line}:${column}` }
}
