import { createHash, hash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'

/** Largest size of a file. */
export const maxFileBytes: number = 16 * 2 ** 20

/** Paths that a configuration was read from. */
export interface ReadPaths {
  /** Absolute paths of files whose content matters. */
  readonly files: readonly string[]
  /** Absolute paths of folders whose listing matters. */
  readonly directories: readonly string[]
}

/** Returns the SHA-256 over the digests of all paths, in hex. */
export function digestOfAll({ files, directories }: ReadPaths, digestOf: (path: string) => string): string {
  const all = createHash('sha256')
  for (const path of [...files, ...directories]) all.update(`\0${path}\0${digestOf(path)}`)
  return all.digest('hex')
}

/** Returns the digest of the content of a file. */
export function digestOfContent(content: Buffer): string {
  return content.length > maxFileBytes ? 'too large' : hash('sha256', content)
}

/** Returns the digest of a file as it is now, or an error code. Does not read pipes and devices again. */
export function digestOfFile(path: string): string {
  return orCode(() => {
    if (isSpecial(path)) return 'special'
    return statSync(path).size > maxFileBytes ? 'too large' : digestOfContent(readFileSync(path))
  })
}

/** Returns whether a path leads to something other than a file or a folder; false if it leads nowhere. */
export function isSpecial(path: string): boolean {
  try {
    const stats = statSync(path)
    return !stats.isFile() && !stats.isDirectory()
  } catch {
    return false
  }
}

/** Returns the SHA-256 of the listing of a folder, or an error code. */
export function digestOfListing(folder: string): string {
  return orCode(() => hash('sha256', readdirSync(folder).join('\0')))
}

function orCode(digest: () => string): string {
  try {
    return digest()
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code)
  }
}
