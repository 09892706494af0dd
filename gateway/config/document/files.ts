import { isUtf8 } from 'node:buffer'
import { closeSync, constants, openSync, readSync } from 'node:fs'
import { digestOfContent, digestOfListing, isSpecial, maxFileBytes } from './content-digest.ts'
import { expandPattern } from './include-pattern.ts'
import type { LoadOptions } from './load-options.ts'
import { createSource, type Source } from './source.ts'

const pipeTimeoutMs = 5000

/** Reads files for one load, and records what was read. */
export interface Files {
  /** Absolute paths of everything that was read or looked for. */
  readonly paths: Set<string>
  /** Directories whose listing decided what was read. */
  readonly directories: Set<string>
  readonly sources: Map<string, Source>
  /** Digest of each path, as `digestOfFile` returns it; of a folder, before its files were looked up. */
  readonly digests: Map<string, string>
  read(path: string): Buffer | Unreadable
  glob(pattern: string): string[]
}

export interface Unreadable {
  readonly code: 'GH1001' | 'GH1002' | 'GH1003'
  /** The reason, as a clause that can follow a colon. */
  readonly why: string
  readonly help: string
  readonly absent?: boolean
  readonly source?: Source
  readonly offset?: number
}

/** Returns a reader that uses the given functions, or the file system. */
export function createFiles({ readFile = readBounded, glob = expandPattern }: LoadOptions): Files {
  const paths = new Set<string>()
  const directories = new Set<string>()
  const digests = new Map<string, string>()
  const note = (path: string, digest: () => string): void => {
    if (!digests.has(path)) digests.set(path, isSpecial(path) ? 'special' : digest())
  }
  return {
    paths,
    directories,
    digests,
    sources: new Map(),
    read(path) {
      paths.add(path)
      try {
        const content = readFile(path)
        note(path, () => digestOfContent(content))
        return content.length > maxFileBytes ? tooLarge : content
      } catch (error) {
        const { code = '' } = error as NodeJS.ErrnoException
        note(path, () => code)
        const [why, help] = reasons[code] ?? [code || 'reading failed', 'check the path and its permissions']
        return { code: 'GH1001', why, help, absent: absence.has(code) }
      }
    },
    glob(pattern) {
      // Listed twice, so that a file that appears in between is noticed.
      for (const directory of glob(pattern).directories) {
        if (!digests.has(directory)) digests.set(directory, digestOfListing(directory))
      }
      const found = glob(pattern)
      for (const directory of found.directories) directories.add(directory)
      return found.files
    },
  }
}

const absence = new Set(['ENOENT', 'ENOTDIR'])
const absent = ['there is no such file', 'check the path'] as const
const denied = ['permission denied', 'let the user who runs Gatehouse read the file'] as const
const reasons: Record<string, readonly [why: string, help: string]> = {
  ENOENT: absent,
  ENOTDIR: absent,
  EISDIR: ['it is a directory', 'name a file'],
  EACCES: denied,
  EPERM: denied,
  EAGAIN: ['it is a pipe that sent nothing for 5 s', 'let the writer close the pipe when it is done'],
  ELOOP: ['its symbolic links form a loop', 'fix the links'],
}
const tooLarge: Unreadable = {
  code: 'GH1002',
  why: 'it is larger than 16 MiB',
  help: 'split the file: name fragments under `include`',
}

/** Reads a file as UTF-8 text, without a byte order mark, and keeps it among the sources. */
export function readSource(files: Files, path: string): Source | Unreadable {
  const content = files.read(path)
  if (!Buffer.isBuffer(content)) return content
  const text = new TextDecoder().decode(content)
  const source = createSource(path, text)
  files.sources.set(path, source)
  if (!isUtf8(content)) {
    const utf16 = (content[0] === 0xff && content[1] === 0xfe) || (content[0] === 0xfe && content[1] === 0xff)
    const why = utf16 ? 'it is UTF-16' : 'it contains a byte that is not UTF-8'
    const offset = Math.max(0, text.indexOf('\ufffd'))
    return { code: 'GH1003', why, help: 'save the file as UTF-8', source, offset }
  }
  // oxlint-disable-next-line no-control-regex -- YAML 1.2, 5.1: what a stream may not hold
  const control = text.search(/[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/)
  if (control === -1) return source
  const why = 'it contains a control character'
  return { code: 'GH1003', why, help: 'remove the character', source, offset: control }
}

/** Reads a file to its end, or to one byte over the limit. Throws what node:fs throws. */
export function readBounded(path: string): Buffer {
  const file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
  try {
    const chunks: Buffer[] = []
    for (let room = maxFileBytes + 1; room > 0;) {
      const chunk = Buffer.allocUnsafe(Math.min(room, 2 ** 20))
      const length = readWithTimeout(file, chunk)
      if (length === 0) break
      chunks.push(chunk.subarray(0, length))
      room -= length
    }
    return Buffer.concat(chunks)
  } finally {
    closeSync(file)
  }
}

/** Reads from a pipe with a time limit, which a blocking read would not have. */
function readWithTimeout(file: number, chunk: Buffer): number {
  for (const end = Date.now() + pipeTimeoutMs; ;) {
    try {
      return readSync(file, chunk)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || Date.now() > end) throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10)
    }
  }
}
