import { createHash, hash } from 'node:crypto'
import { readdirSync } from 'node:fs'

/** Paths that a configuration was read from. */
export interface ReadPaths {
  /** Absolute paths of files whose content matters. */
  readonly files: readonly string[]
  /** Absolute paths of folders whose listing matters. */
  readonly directories: readonly string[]
}

/** SHA-256 over what was found at every path, in hex. */
export function digestOfAll({ files, directories }: ReadPaths, found: (path: string) => string): string {
  const all = createHash('sha256')
  for (const path of [...files, ...directories]) all.update(`\0${path}\0${found(path)}`)
  return all.digest('hex')
}

/** SHA-256 of what a path gives, in hex, or the code of why it gives nothing. */
export function digestOrCode(read: () => string | Buffer): string {
  try {
    return hash('sha256', read())
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code)
  }
}

/** What stands in a folder, as one text. */
export function listing(folder: string): string {
  return readdirSync(folder).join('\0')
}
