import { isUtf8 } from 'node:buffer'
import { closeSync, constants, openSync, readSync } from 'node:fs'
import { digestOfContent, digestOfListing, isSpecial, maxFileBytes } from './content-digest.ts'
import { expandPattern } from './include-pattern.ts'
import type { LoadOptions } from './load-options.ts'
import { createSource, type Source } from './source.ts'

const pipeTimeoutMs = 5000

/** What a load reads, and a record of it. */
export interface Files {
  /** Absolute paths of everything that was read or looked for. */
  readonly paths: Set<string>
  /** Directories whose listing decided what was read. */
  readonly directories: Set<string>
  readonly sources: Map<string, Source>
  /** What was found at each path, as `digestOfFile` would say it; of folders before their files were looked for. */
  readonly digests: Map<string, string>
  read(path: string): Buffer | Unreadable
  glob(pattern: string): string[]
}

export interface Unreadable {
  readonly code: 'GH1001' | 'GH1002' | 'GH1003'
  /** A clause: why. */
  readonly why: string
  readonly absent?: boolean
  readonly source?: Source
  readonly offset?: number
}

/** Reads through the given functions, or from the file system. */
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
        return content.length > maxFileBytes ? { code: 'GH1002', why: 'it is larger than 16 MiB' } : content
      } catch (error) {
        const { code = '' } = error as NodeJS.ErrnoException
        note(path, () => code)
        return { code: 'GH1001', why: reasons[code] ?? (code || 'reading failed'), absent: absence.has(code) }
      }
    },
    glob(pattern) {
      // Looked for twice: a file that comes in between must not go unnoticed.
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
const reasons: Record<string, string> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EISDIR: 'it is a directory',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EAGAIN: 'it is a pipe, and nothing more came from it for 5 s',
  ELOOP: 'its symbolic links go round in a circle',
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
    const why = utf16 ? 'it is UTF-16; save it as UTF-8' : 'a byte here is not UTF-8; save the file as UTF-8'
    return { code: 'GH1003', why, source, offset: Math.max(0, text.indexOf('\ufffd')) }
  }
  // oxlint-disable-next-line no-control-regex -- YAML 1.2, 5.1: what a stream may not hold
  const control = text.search(/[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/)
  if (control === -1) return source
  return { code: 'GH1003', why: 'a control character stands here; take it out', source, offset: control }
}

/** Reads a file to its end, or to one byte more than is allowed, whatever it is. Throws what node:fs throws. */
export function readBounded(path: string): Buffer {
  const file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
  try {
    const chunks: Buffer[] = []
    for (let room = maxFileBytes + 1; room > 0;) {
      const chunk = Buffer.allocUnsafe(Math.min(room, 2 ** 20))
      const length = readPatiently(file, chunk)
      if (length === 0) break
      chunks.push(chunk.subarray(0, length))
      room -= length
    }
    return Buffer.concat(chunks)
  } finally {
    closeSync(file)
  }
}

/** Waits for what comes from a pipe, but not for ever, as a read that blocks would. */
function readPatiently(file: number, chunk: Buffer): number {
  for (const end = Date.now() + pipeTimeoutMs; ;) {
    try {
      return readSync(file, chunk)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || Date.now() > end) throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10)
    }
  }
}
