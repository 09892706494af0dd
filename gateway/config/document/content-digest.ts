import { createHash, hash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'

/** Bytes that a file may have. */
export const maxFileBytes: number = 16 * 2 ** 20

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

/** What stands for the content of a file. */
export function digestOfContent(content: Buffer): string {
  return content.length > maxFileBytes ? 'too large' : hash('sha256', content)
}

/** The same, or the code of why there is none, as it is now. What is no file, such as a pipe, is not read again. */
export function digestOfFile(path: string): string {
  return orCode(() => {
    if (isSpecial(path)) return 'special'
    return statSync(path).size > maxFileBytes ? 'too large' : digestOfContent(readFileSync(path))
  })
}

/** Whether a path leads to what is neither a file nor a folder; not so where it leads nowhere. */
export function isSpecial(path: string): boolean {
  try {
    const stats = statSync(path)
    return !stats.isFile() && !stats.isDirectory()
  } catch {
    return false
  }
}

/** SHA-256 over what stands in a folder, or the code of why it cannot be listed. */
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
