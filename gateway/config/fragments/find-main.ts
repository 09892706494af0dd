import { dirname, join, resolve } from 'node:path'
import { parse } from 'yaml'
import type { Files } from '../document/files.ts'
import { isPattern } from '../document/include-pattern.ts'
import { fragmentBlocks } from '../schema/schema.ts'

/** Number of folders to search: that of the fragment, and those above it. */
const maxFolders = 4
/** Largest number of files to read in one folder. */
const maxCandidates = 50
const maxCandidateBytes = 2 ** 20

/** A file that contains only what a fragment may contain. `main` is the path of the main file that includes it, if one was found. */
export interface LoneFragment {
  readonly main: string | undefined
}

/**
 * Recognizes a fragment that is read as if it were a main file: it has no `version`, and a file beside or above it includes
 * it, or it has only blocks that fragments may hold, and no proxies. Returns undefined for any other file.
 */
export function recognizeFragment(files: Files, file: string, root: object): LoneFragment | undefined {
  const names = Object.keys(root)
  if (names.length === 0 || names.includes('version')) return undefined
  const main = findMain(files, file)
  if (main !== undefined) return { main }
  const blocks: readonly string[] = fragmentBlocks()
  return names.includes('proxies') || !names.every(name => blocks.includes(name)) ? undefined : { main }
}

function findMain(files: Files, file: string): string | undefined {
  let folder = dirname(file)
  for (let depth = 0; depth < maxFolders; depth += 1) {
    const candidates = ['*.yaml', '*.yml'].flatMap(pattern => files.glob(join(escape(folder), pattern)))
    const main = candidates.slice(0, maxCandidates).find(one => one !== file && includes(files, one, file))
    if (main !== undefined) return main
    if (dirname(folder) === folder) return undefined
    folder = dirname(folder)
  }
  return undefined
}

function escape(path: string): string {
  return path.replaceAll(/[*?\\]/g, '\\$&')
}

function includes(files: Files, main: string, file: string): boolean {
  const content = files.read(main)
  if (!Buffer.isBuffer(content) || content.length > maxCandidateBytes) return false
  return itemsOf(content.toString()).some(item => {
    const pattern = resolve(dirname(main), item)
    return isPattern(pattern) ? globs(files, pattern).includes(file) : pattern === file
  })
}

/** Returns the paths and patterns under `include`; none for a file that is not a main file. */
function itemsOf(text: string): string[] {
  if (!/^["']?include\b/m.test(text)) return []
  try {
    const { include } = parse(text, { logLevel: 'silent' }) as { include?: unknown }
    if (!Array.isArray(include)) return []
    return (include as unknown[]).flatMap(item => {
      const path = typeof item === 'string' ? item : (item as { path?: unknown } | null)?.path
      return typeof path === 'string' ? [path] : []
    })
  } catch {
    return []
  }
}

function globs(files: Files, pattern: string): string[] {
  try {
    return files.glob(pattern)
  } catch {
    return []
  }
}
