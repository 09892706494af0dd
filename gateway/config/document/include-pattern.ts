import { existsSync, readdirSync } from 'node:fs'
import { join, parse } from 'node:path'
import { matchGlob, parseGlob, type Glob } from '../../values/glob.ts'

/** Whether this is a pattern rather than the path of one file. */
export function isPattern(path: string): boolean {
  return /[*?\\]/.test(path)
}

/**
 * Takes an absolute path in which every segment may be a glob; returns the files that match, in order of their names,
 * and the directories that were listed to find them. As in a shell, a wildcard does not cross `/` nor begin a hidden
 * name. Throws MalformedError for a malformed glob. A directory that cannot be read holds nothing.
 */
export function expandPattern(pattern: string): { files: string[]; directories: string[] } {
  const { root } = parse(pattern)
  const directories = new Set<string>()
  let found = [root]
  let wild = false
  const segments = pattern.slice(root.length).split('/')
  for (const [index, segment] of segments.entries()) {
    const last = index === segments.length - 1
    const glob = isPattern(segment) ? parseGlob(segment) : undefined
    wild ||= glob !== undefined
    if (wild) for (const directory of found) directories.add(directory)
    found = found.flatMap(directory => {
      if (glob !== undefined) return list(directory, glob, last).map(name => join(directory, name))
      const path = join(directory, segment)
      return wild && !existsSync(path) ? [] : [path]
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
