import { readFileSync, realpathSync } from 'node:fs'
import { resolve } from 'node:path'
import { EditError, editText, type Change } from '../../config/edit/edit.ts'
import { readBounded } from '../../config/document/files.ts'
import { formatText } from '../../config/report/format.ts'
import { load, type Loaded, type LoadResult } from '../../config/load.ts'
import { shownPath } from '../../config/report/render.ts'
import { exitCodeOf } from '../cli/exit-code.ts'
import type { Io } from '../cli/io.ts'
import { LockedError, withLock } from './lock.ts'
import { replaceFile } from './replace.ts'

/** Why nothing was changed: a sentence, everything that is wrong with the configuration, or both. */
export class Refused extends Error {
  override name = 'Refused'
  readonly result: LoadResult | undefined

  constructor(sentence: string, result?: LoadResult) {
    super(sentence)
    this.result = result
  }
}

/** What a command needs to know of the world to read a configuration. */
export type Surroundings = Pick<Io, 'env' | 'cwd'>

/** A configuration that nobody else edits at this time. */
export interface OpenConfig {
  /** Path of the main file as it was given, made absolute. */
  readonly path: string
  readonly now: Date
  readonly result: LoadResult
  /**
   * Edits one of its files, and writes it if the configuration was opened for that. Nothing is written where the outcome
   * would have errors.
   *
   * @returns the new text
   * @throws Refused, EditError, and what the file system throws
   */
  change(file: string, changes: readonly Change[]): string
  /** The configuration as it would become. Throws as `change` does, and never writes. */
  preview(file: string, changes: readonly Change[]): Loaded
}

/** Reads a configuration as one that is edited: absent environment variables and secret files do not matter. */
export function read(path: string, { env }: Surroundings, now: Date, readFile = readBounded): LoadResult {
  return load(path, { env, now, allowMissingEnv: true, revocations: false, readFile })
}

interface Edited {
  readonly real: string
  readonly old: string
  readonly text: string
  readonly loaded: Loaded
}

/** Opens a configuration for editing, and keeps others from it until `work` is done; without `write`, only to look. */
export async function withConfig<Result>(
  config: string,
  surroundings: Surroundings,
  write: boolean,
  work: (open: OpenConfig) => Result,
): Promise<Result> {
  const path = resolve(surroundings.cwd, config)
  const edit = (): Result => work(openConfig(path, surroundings, write))
  const real = realpathSync(path)
  return write ? withLock(real, edit) : edit()
}

function openConfig(path: string, surroundings: Surroundings, write: boolean): OpenConfig {
  const now = new Date()
  const edit = (file: string, changes: readonly Change[]): Edited => {
    // A symbolic link stays one: what it points to is replaced.
    const real = realpathSync(file)
    const old = readFileSync(real, 'utf8')
    const text = editText(old, changes)
    const edited = Buffer.from(text)
    const result = read(path, surroundings, now, wanted => (wanted === file ? edited : readBounded(wanted)))
    if (result.loaded === undefined) {
      throw new Refused('nothing was written, because the file would become one with errors', result)
    }
    return { real, old, text, loaded: result.loaded }
  }
  return {
    path,
    now,
    result: read(path, surroundings, now),
    change(file, changes) {
      const { real, old, text } = edit(file, changes)
      if (write && text !== old) replaceFile(real, text)
      return text
    },
    preview: (file, changes) => edit(file, changes).loaded,
  }
}

/** The configuration. Throws Refused with everything that is wrong with it. */
export function valid(result: LoadResult): Loaded {
  if (result.loaded === undefined) throw new Refused('', result)
  return result.loaded
}

/** Runs a command; tells on stderr why it could not, and returns the exit code. */
export async function reporting(io: Io, command: () => Promise<number> | number): Promise<number> {
  try {
    return await command()
  } catch (error) {
    if (error instanceof Refused) {
      const { message, result } = error
      if (message !== '') io.stderr(`gatehouse: ${message}\n`)
      if (result !== undefined) io.stderr(formatText(result, io))
      return result === undefined ? 1 : exitCodeOf(result)
    }
    if (error instanceof EditError) {
      io.stderr(`gatehouse: ${error.message}; edit it by hand\n`)
      return 1
    }
    const { code, syscall, path, message } = error as NodeJS.ErrnoException
    if (!(error instanceof LockedError) && syscall === undefined) throw error
    io.stderr(
      `gatehouse: ${code === 'ENOENT' ? `there is no file ${shownPath(path ?? '', io.cwd)}` : message}\n`,
    )
    return 2
  }
}
