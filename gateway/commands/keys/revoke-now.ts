import { readFileSync, realpathSync, statSync, writeFileSync } from 'node:fs'
import { parse } from 'yaml'
import { EditError, editText } from '../../config/edit/edit.ts'
import { formatText } from '../../config/report/format.ts'
import { blockField } from '../../config/schema/notation.ts'
import { relativePath } from '../../config/report/render.ts'
import { revocationId } from '../../values/revocation-id.ts'
import { readRevocations, revocationsPath } from '../../config/revocations.ts'
import type { Io } from '../cli/io.ts'
import { Refused, type OpenConfig } from './change.ts'
import { instantText, noSuchKey } from './options.ts'
import { replaceFile } from './replace.ts'

/** Outcome for the revocations file. */
export interface Revoked {
  readonly file: string
  /** Whether the entry is new. */
  readonly changed: boolean
  /** The text of the file as it is now or, in a dry run, would be. */
  readonly text: string
}

/**
 * Adds a key to the revocations file of a configuration, even when the configuration has errors. Creates the file if it
 * does not exist.
 *
 * @throws Refused when the configuration names no such file, that file has errors, or the key is unknown; EditError;
 *   errors of the file system
 */
export function addRevocation(
  open: OpenConfig,
  { name, reason }: { name: string; reason: string },
  write: boolean,
  { cwd }: Pick<Io, 'cwd'>,
): Revoked {
  const { loaded, revocations } = open.result
  if (loaded !== undefined && !Object.hasOwn(loaded.config.keys, name))
    throw new Refused(noSuchKey(loaded, name))
  const file = revocations ?? (loaded === undefined ? guessFile(open.path) : undefined)
  if (file === undefined) {
    const main = relativePath(open.path, cwd)
    throw new Refused(
      `${main} names no revocations file; add the line \`revocations: revoked.yaml\`, and run this command again`,
    )
  }
  const old = readIfThere(file)
  const entry = { name, reason, date: instantText(open.now.getTime()) }
  const text = withEntry(file, old, entry, open.now)
  if (write && text !== old) {
    // Those who may read the configuration may read this file.
    if (old === undefined) writeFileSync(file, text, { flag: 'wx', mode: statSync(open.path).mode & 0o777 })
    else replaceFile(realpathSync(file), text)
  }
  return { file, changed: text !== old, text }
}

/** Reports why the configuration itself was not changed. */
export function explainErrors({ result, path }: OpenConfig, name: string, io: Io): void {
  const main = relativePath(path, io.cwd)
  io.stderr(
    `gatehouse: ${main} was not changed, because the configuration has errors; fix them, then run \`gatehouse keys revoke ${name}\`\n`,
  )
  io.stderr(formatText(result, io))
}

/** Finds the revocations file that a main file names, when that file is not valid YAML. */
function guessFile(main: string): string | undefined {
  const line = /^revocations:[ \t]*(.+)$/m.exec(readFileSync(main, 'utf8'))?.[0]
  try {
    const { revocations } = parse(line ?? '{}') as { revocations?: unknown }
    return typeof revocations === 'string' ? revocationsPath(main, revocations) : undefined
  } catch {
    return undefined
  }
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

type Entry = Readonly<Record<'name' | 'reason' | 'date', string>>

function withEntry(file: string, old: string | undefined, entry: Entry, now: Date): string {
  const id = revocationId.key(entry.name)
  if (old === undefined || old.trim() === '') {
    return `${['version: 1', ...blockField('keys', [entry], 2)].join('\n')}\n`
  }
  if (check(file, old, now).has(id)) return old
  const { keys } = parse(old) as { keys?: unknown }
  const text = editText(old, [
    Array.isArray(keys) ? { append: ['keys'], item: entry } : { set: ['keys'], to: [entry] },
  ])
  if (!check(file, text, now).has(id))
    throw new EditError('the entry cannot be added to the revocations file')
  return text
}

/** Returns the entries of a revocations file. Throws Refused with its errors. */
function check(file: string, text: string, now: Date): ReadonlyMap<string, string> {
  const readFile = (): Buffer => Buffer.from(text)
  const result = readRevocations(file, { keys: [], issuers: [], hashes: [] }, { now, readFile })
  if (result.entries !== undefined) return result.entries
  const message = 'the revocations file was not changed, because it has errors'
  const errors = result.diagnostics.filter(one => one.severity === 'error')
  throw new Refused(message, { ...result, diagnostics: errors, files: [file], directories: [] })
}
