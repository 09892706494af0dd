import { existsSync, readdirSync } from 'node:fs'
import { join, parse } from 'node:path'
import { matchGlob, parseGlob, type Glob } from '../../values/glob.ts'

/** Returns whether a path is a pattern. */
export function isPattern(path: string): boolean {
  return /[*?\\]/.test(path)
}

/**
 * Expands an absolute path whose segments may be globs. Returns the files that match, in the order of their names, and
 * the directories that were listed. As in a shell, a wildcard matches neither `/` nor a leading dot. A directory that
 * cannot be read counts as empty.
 *
 * @throws MalformedError for a malformed glob
 */
export function expandPattern(pattern: string): { files: string[]; directories: string[] } {
  const { root } = parse(pattern)
  const directories = new Set<string>()
  let found = [root]
  let hasWildcard = false
  const segments = pattern.slice(root.length).split('/')
  for (const [index, segment] of segments.entries()) {
    const last = index === segments.length - 1
    const glob = isPattern(segment) ? parseGlob(segment) : undefined
    hasWildcard ||= glob !== undefined
    if (hasWildcard) for (const directory of found) directories.add(directory)
    found = found.flatMap(directory => {
      if (glob !== undefined) return list(directory, glob, last).map(name => join(directory, name))
      const path = join(directory, segment)
      return hasWildcard && !existsSync(path) ? [] : [path]
    })
  }
  return { files: found, directories: [...directories] }
}

function list(directory: string, glob: Glob, wantFiles: boolean): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter(entry => entry.isSymbolicLink() || (wantFiles ? !entry.isDirectory() : entry.isDirectory()))
      .map(entry => entry.name)
      .filter(name => name.startsWith('.') === glob.pattern.startsWith('.') && matchGlob(glob, name))
      .toSorted()
  } catch {
    return []
  }
}
