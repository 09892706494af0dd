import { readFileSync, realpathSync } from 'node:fs'
import { resolve } from 'node:path'
import { EditError, editText, type Change } from '../../config/edit/edit.ts'
import { readBounded } from '../../config/document/files.ts'
import { formatText } from '../../config/report/format.ts'
import { load, type Loaded, type LoadResult } from '../../config/load.ts'
import { relativePath } from '../../config/report/render.ts'
import { exitCodeOf } from '../cli/exit-code.ts'
import type { Io } from '../cli/io.ts'
import { LockedError, withLock } from './lock.ts'
import { replaceFile } from './replace.ts'

/** The reason why nothing was changed: a sentence, the errors of the configuration, or both. */
export class Refused extends Error {
  override name = 'Refused'
  readonly result: LoadResult | undefined

  constructor(sentence: string, result?: LoadResult) {
    super(sentence)
    this.result = result
  }
}

/** Environment and folder for reading a configuration. */
export type Surroundings = Pick<Io, 'env' | 'cwd'>

/** A configuration that is locked against other editors. */
export interface OpenConfig {
  /** Absolute path of the main file. */
  readonly path: string
  readonly now: Date
  readonly result: LoadResult
  /**
   * Edits one of its files, and writes it if the configuration was opened for writing. Writes nothing when the result
   * would have errors.
   *
   * @returns the new text
   * @throws Refused, EditError, and errors of the file system
   */
  change(file: string, changes: readonly Change[]): string
  /** Returns the configuration as `change` would make it, and writes nothing. Throws as `change` does. */
  preview(file: string, changes: readonly Change[]): Loaded
}

/** Reads a configuration for editing: missing environment variables and secret files are allowed. */
export function read(path: string, { env }: Surroundings, now: Date, readFile = readBounded): LoadResult {
  return load(path, { env, now, allowMissingEnv: true, revocations: false, readFile })
}

interface Edited {
  readonly real: string
  readonly old: string
  readonly text: string
  readonly loaded: Loaded
}

/** Opens a configuration, and locks it until `work` is done. Without `write`, opens it for reading, without a lock. */
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
    // A symbolic link stays: its target is replaced.
    const real = realpathSync(file)
    const old = readFileSync(real, 'utf8')
    const text = editText(old, changes)
    const edited = Buffer.from(text)
    const result = read(path, surroundings, now, wanted => (wanted === file ? edited : readBounded(wanted)))
    if (result.loaded === undefined) {
      throw new Refused('nothing was written, because the result would have errors', result)
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

/** Returns the configuration. Throws Refused with its errors. */
export function valid(result: LoadResult): Loaded {
  if (result.loaded === undefined) throw new Refused('', result)
  return result.loaded
}

/** Runs a command, and returns its exit code. Reports errors on stderr. */
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
      io.stderr(`gatehouse: ${error.message}; edit the file by hand\n`)
      return 1
    }
    const { code, syscall, path, message } = error as NodeJS.ErrnoException
    if (!(error instanceof LockedError) && syscall === undefined) throw error
    io.stderr(
      `gatehouse: ${code === 'ENOENT' ? `file not found: ${relativePath(path ?? '', io.cwd)}` : message}\n`,
    )
    return 2
  }
}
