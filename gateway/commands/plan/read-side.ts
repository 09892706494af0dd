import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative, resolve } from 'node:path'
import { load, type Loaded, type LoadResult } from '../../config/load.ts'
import { relativePath } from '../../config/report/render.ts'
import { formatText } from '../../config/report/format.ts'
import { printable } from '../../lib/printable.ts'
import { usageError } from '../cli/arguments.ts'
import type { Help } from '../cli/command.ts'
import { exitCodeOf } from '../cli/exit-code.ts'
import type { Io } from '../cli/io.ts'

/** A configuration that cannot be read: the sentence for the user. */
class UnreadableSide extends Error {}

/** A configuration without errors. */
export interface Side {
  readonly loaded: Loaded
  /** Returns a file as the user knows it. */
  show(file: string): string
}

/** Largest output of a git command, in bytes. */
const maxGitBytes = 64 * 1024 * 1024

/** Two configurations without errors. */
export interface Sides {
  readonly before: Side
  readonly after: Side
  readonly now: Date
}

/** Loads both configurations that the arguments name. Reports what is wrong, and returns the exit code, if one has errors. */
export function readSides(names: readonly string[], help: Pick<Help, 'name'>, io: Io): Sides | number {
  if (names.length !== 2) return usageError('name two configurations: OLD and NEW', help, io)
  const now = new Date()
  const before = readOne(names[0]!, io, now)
  if (typeof before === 'number') return before
  const after = readOne(names[1]!, io, now)
  return typeof after === 'number' ? after : { before, after, now }
}

/** Loads a configuration. Reports what is wrong, and returns the exit code, if it has errors. */
export function readOne(name: string, io: Io, now: Date): Side | number {
  try {
    const { result, show } = readSide(name, io, now)
    if (result.loaded !== undefined) return { loaded: result.loaded, show }
    io.stderr(formatText(result, io))
    return exitCodeOf(result)
  } catch (error) {
    if (!(error instanceof UnreadableSide)) throw error
    io.stderr(`gatehouse: ${printable(error.message)}\n`)
    return 2
  }
}

/**
 * Loads one of the configurations that are compared: a file, a folder with a gateway.yaml, or a file of a git revision, as
 * in `HEAD~1:gateway.yaml`, with the fragments of that revision. Needs no secret.
 *
 * @throws UnreadableSide
 */
function readSide(name: string, { cwd }: Io, now: Date): Pick<Side, 'show'> & { result: LoadResult } {
  const path = resolve(cwd, name)
  const [, revision, file] = /^([^:]+):(.+)$/s.exec(name) ?? []
  if (existsSync(path) || revision === undefined || file === undefined)
    return { result: loadPath(path, now), show: one => relativePath(one, cwd) }
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-plan-'))
  try {
    const result = loadPath(checkOut(revision, file, cwd, folder), now)
    return { result, show: one => `${revision}:${relative(join(folder, 'tree'), one)}` }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function loadPath(path: string, now: Date): LoadResult {
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
  const file = isFolder ? join(path, 'gateway.yaml') : path
  return load(file, { env: {}, now, allowMissingEnv: true })
}

/** Writes the YAML files beside and below a file of a revision into a folder. Returns the file there. */
function checkOut(revision: string, file: string, cwd: string, folder: string): string {
  const git = (args: string[], input?: string): string => {
    try {
      return execFileSync('git', args, {
        cwd,
        env: { ...process.env, GIT_INDEX_FILE: join(folder, 'index') },
        maxBuffer: maxGitBytes,
        encoding: 'utf8',
        stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
        ...(input !== undefined && { input }),
      })
    } catch (error) {
      const { stderr = '', code } = error as { stderr?: string; code?: string }
      const why = code === 'ENOENT' ? 'git is not installed' : stderr.split('\n', 1)[0]
      throw new UnreadableSide(`\`${revision}:${file}\` cannot be read: ${why}`)
    }
  }
  const commit = git(['rev-parse', '--verify', '--end-of-options', `${revision}^{commit}`]).trim()
  const top = git(['rev-parse', '--show-toplevel']).trim()
  const path = relative(top, resolve(cwd, file))
  git(['read-tree', commit])
  const listed = git(['ls-tree', '-r', '-z', '--name-only', '--full-tree', commit]).split('\0')
  const below = dirname(path) === '.' ? '' : `${dirname(path)}/`
  const wanted = listed.filter(one => one.startsWith(below) && /\.ya?ml$/.test(one))
  if (!listed.includes(path)) throw new UnreadableSide(`\`${file}\` does not exist in \`${revision}\``)
  git(
    ['-C', top, 'checkout-index', '-z', '--stdin', `--prefix=${folder}/tree/`],
    [...new Set([...wanted, path])].join('\0'),
  )
  return join(folder, 'tree', path)
}
