import { readFileSync, realpathSync, statSync, writeFileSync } from 'node:fs'
import { parse } from 'yaml'
import { EditError, editText } from '../../config/edit/edit.ts'
import { formatText } from '../../config/report/format.ts'
import { blockField } from '../../config/schema/notation.ts'
import { shownPath } from '../../config/report/render.ts'
import { revocationId } from '../../values/revocation-id.ts'
import { readRevocations, revocationsPath } from '../../config/revocations.ts'
import type { Io } from '../cli/io.ts'
import { Refused, type OpenConfig } from './change.ts'
import { instantText, noSuchKey } from './options.ts'
import { replaceFile } from './replace.ts'

/** What became of the revocations file. */
export interface Revoked {
  readonly file: string
  /** Whether the entry is new. */
  readonly changed: boolean
  /** The file as it is now, or would be. */
  readonly text: string
}

/**
 * Adds a key to the revocations file of a configuration, also where the configuration has errors; creates the file if
 * there is none.
 *
 * @throws Refused where the configuration names no such file, where that file has errors and where there is no such key;
 *   EditError, and what the file system throws
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
    const main = shownPath(open.path, cwd)
    throw new Refused(
      `${main} names no revocations file; add the line \`revocations: revoked.yaml\` to it, and run this again`,
    )
  }
  const old = readIfThere(file)
  const entry = { name, reason, date: instantText(open.now.getTime()) }
  const text = withEntry(file, old, entry, open.now)
  if (write && text !== old) {
    // Whoever may read the configuration may read this file.
    if (old === undefined) writeFileSync(file, text, { flag: 'wx', mode: statSync(open.path).mode & 0o777 })
    else replaceFile(realpathSync(file), text)
  }
  return { file, changed: text !== old, text }
}

/** Says why the configuration itself was not changed, where it has errors. */
export function explainErrors({ result, path }: OpenConfig, name: string, io: Io): void {
  const main = shownPath(path, io.cwd)
  io.stderr(
    `gatehouse: ${main} was not changed, because the configuration has errors; disable ${name} there later\n`,
  )
  io.stderr(formatText(result, io))
}

/** Where a main file that is no YAML would have named it. */
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
  if (!check(file, text, now).has(id)) throw new EditError('the entry cannot be added')
  return text
}

/** The entries of a text. Throws Refused with everything that is wrong with it. */
function check(file: string, text: string, now: Date): ReadonlyMap<string, string> {
  const readFile = (): Buffer => Buffer.from(text)
  const result = readRevocations(file, { keys: [], issuers: [], hashes: [] }, { now, readFile })
  if (result.entries !== undefined) return result.entries
  const message = 'nothing was added to the revocations file, because it has errors'
  const errors = result.diagnostics.filter(one => one.severity === 'error')
  throw new Refused(message, { ...result, diagnostics: errors, files: [file], directories: [] })
}
