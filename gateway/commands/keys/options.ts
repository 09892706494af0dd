import type { Loaded } from '../../config/load.ts'
import { MalformedError } from '../../values/malformed.ts'
import { toPointer } from '../../config/document/pointer.ts'
import { shownPath } from '../../config/report/render.ts'
import { resolveSchema } from '../../config/schema/schema.ts'
import { instead, nearest } from '../../config/document/suggest.ts'
import { usageError, type Io } from '../cli/io.ts'

/** Options of every command that edits. */
export const editing = {
  config: { type: 'string', short: 'c', default: 'gateway.yaml' },
  format: { type: 'string', default: 'text' },
  quiet: { type: 'boolean', short: 'q', default: false },
  'dry-run': { type: 'boolean', default: false },
} as const

export const editingUsage = `  -c, --config FILE      the configuration (default: gateway.yaml)
  --format FORMAT        text or json (default: text)
  -q, --quiet            nothing on stderr but errors
  --dry-run              write nothing, and print the file as it would become
`

/** The words that follow a mistake in the arguments. */
export class UsageError extends Error {
  override name = 'UsageError'
}

/** Runs what reads the arguments further; a UsageError or MalformedError becomes exit code 2. */
export function orUsage<Result>(usage: string, io: Io, parse: () => Result): Result | number {
  try {
    return parse()
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof MalformedError)) throw error
    return usageError(error.message, usage, io).exitCode
  }
}

/** Takes the value of --format; returns whether it is json. */
export function isJson(format: string): boolean {
  if (format === 'json' || format === 'text') return format === 'json'
  throw new UsageError(`'${format}' is no format; there are text, json`)
}

/** Takes the positional arguments; returns the one, which is a key's name. */
export function nameFrom([name]: readonly string[]): string {
  if (name === undefined) throw new UsageError('the name of the key is missing')
  const { pattern = '', description = '' } = resolveSchema({ $ref: '#/$defs/Name' })
  if (new RegExp(pattern, 'u').test(name)) return name
  throw new UsageError(`no key can have this name. ${description}`)
}

/** Milliseconds since 1970 as RFC 3339 in UTC, to the second. */
export function instantText(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace(/\.\d{3}Z$/, 'Z')
}

/** A sentence that says there is no key of that name, and which was perhaps meant. */
export function noSuchKey({ config }: Loaded, name: string): string {
  const names = Object.keys(config.keys)
  return `there is no key \`${name}\`${instead(nearest(name, names), names, 'the file has no keys at all')}`
}

/** Where a key was written, as file:line:column and as the path of the file. */
export function placeOf(loaded: Loaded, name: string, cwd: string): { file: string; text: string } {
  const { file, line, column } = loaded.locate(toPointer(['keys', name]))!
  return { file, text: `${shownPath(file, cwd)}:${line}:${column}` }
}
