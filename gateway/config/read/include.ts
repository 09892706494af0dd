import { dirname, resolve } from 'node:path'
import type { DiagnosticCode, Explanation, Span } from '../document/diagnostics.ts'
import { readSource } from '../document/files.ts'
import { isPattern } from '../document/include-pattern.ts'
import { report, type LoadContext } from '../document/load-context.ts'
import { entriesOf, locate, nodeSpan } from '../document/locate.ts'
import type { Entry, Origin } from '../document/origin.ts'
import { readScope } from '../document/fragment-scope.ts'
import { MalformedError } from '../../values/malformed.ts'
import { mergeBlock, reportDeclaredTwice, type Declared } from './merge.ts'
import { parseSource } from './parse.ts'
import { toPointer } from '../document/pointer.ts'
import { isSystemPath, isWithin, realPath } from '../document/real-path.ts'
import { hintForField } from '../schema/field-hints.ts'
import { fragmentBlocks, mainFields } from '../schema/schema.ts'
import type { Source } from '../document/source.ts'
import { helpWithName, nearest } from '../document/suggest.ts'
import { isPlainMap, toPlain, type PlainMap } from './tree.ts'

/** State of one main file and its fragments. */
interface Inclusion {
  readonly loadContext: LoadContext
  readonly main: Source
  readonly root: PlainMap
  readonly declared: Declared
  /** Places that include each file, by absolute path. */
  readonly included: Map<string, Span>
}

/** An item of `include`. */
interface Item {
  readonly index: number
  readonly span: Span
  /** JSON pointer. */
  readonly path: string
  /** Absolute. */
  readonly pattern: string
  readonly scope: ReturnType<typeof readScope> | undefined
}

/** Reads the files that `include` of the main file names, and merges their blocks into its plain form. */
export function includeFragments(loadContext: LoadContext, main: Source, root: PlainMap): void {
  const items = root['include']
  if (!Array.isArray(items)) return
  const inclusion: Inclusion = { loadContext, main, root, declared: new Map(), included: new Map() }
  for (const [index, item] of items.entries()) {
    const pattern: unknown = isPlainMap(item) ? item['path'] : item
    if (typeof pattern !== 'string' || pattern === '') continue
    if (loadContext.skipped.get(items)?.has(String(index))) continue
    if (isPlainMap(item) && loadContext.skipped.get(item)?.has('path')) continue
    includeItem(inclusion, {
      index,
      span: locate(loadContext, root, ['include', index], 'value').span,
      path: toPointer(['include', index]),
      pattern: resolve(dirname(main.file), pattern),
      scope: isPlainMap(item) ? readScope(item, main.file) : undefined,
    })
  }
  reportDeclaredTwice(loadContext, inclusion.declared)
}

function includeItem(inclusion: Inclusion, item: Item): void {
  const { loadContext, main, included } = inclusion
  const { index, span, path, scope } = item
  for (const file of filesOf(loadContext, item)) {
    const shown = `\`${shorten(file, main)}\``
    const refusal = whyRefused(file, item.pattern, dirname(main.file))
    const first = included.get(file)
    if (refusal !== undefined) {
      const { code, message, help } = refusal
      report(loadContext, code, span, { message: `${shown} ${message}`, help, path })
      loadContext.incomplete = true
    } else if (file === main.file) {
      const help = 'keep fragments in a folder of their own'
      report(loadContext, 'GH1014', span, { message: 'the main file includes itself', help, path })
    } else if (first !== undefined) {
      report(loadContext, 'GH1014', span, {
        message: `${shown} is included twice`,
        help: 'remove one of them',
        path,
        related: [{ span: first, message: 'first included here' }],
      })
    } else {
      included.set(file, span)
      loadContext.fragments.set(file, { item: index, scope })
      includeFragment(inclusion, file, item)
    }
  }
}

function filesOf(loadContext: LoadContext, { pattern, span, path }: Item): string[] {
  if (!isPattern(pattern) || isSystemPath(fixedFolder(pattern))) return [pattern]
  try {
    const files = loadContext.files.glob(pattern)
    if (files.length === 0) {
      const message = 'no file matches this pattern'
      report(loadContext, 'GH1404', span, { message, help: 'fix the pattern, or remove it', path })
    }
    return files
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error
    const { message, help } = error
    report(loadContext, 'GH1306', span, { message: `this is ${message}`, help, path })
    return []
  }
}

/** Explains why a file may not be a fragment. Others may put files where a pattern matches, so links must not lead out. */
function whyRefused(
  file: string,
  pattern: string,
  main: string,
): (Explanation & { code: DiagnosticCode }) | undefined {
  if (isSystemPath(fixedFolder(pattern)) || isSystemPath(file)) {
    return { code: 'GH1026', message: 'leads to /proc, /sys or /dev', help: 'include your own files only' }
  }
  if (!isPattern(pattern) || isWithin(fixedFolder(pattern), file)) return undefined
  if (isWithin(realPath(main), realPath(file))) return undefined
  return {
    code: 'GH1028',
    message: 'is a link that leads out of the folder',
    help: 'include the target of the link by its own path',
  }
}

/** Returns the folder that a pattern names before its first wildcard. */
function fixedFolder(pattern: string): string {
  const segments = pattern.split('/')
  const firstWildcard = segments.findIndex(isPattern)
  return segments.slice(0, firstWildcard === -1 ? -1 : firstWildcard).join('/') || '/'
}

function includeFragment(inclusion: Inclusion, file: string, { span, path }: Item): void {
  const { loadContext, main } = inclusion
  const source = readSource(loadContext.files, file)
  if ('why' in source) {
    const { code, why, help } = source
    const message = `\`${shorten(file, main)}\` cannot be included: ${why}`
    loadContext.incomplete = true
    return report(loadContext, code === 'GH1001' ? 'GH1013' : code, span, { message, help, path })
  }
  const node = parseSource(loadContext, source)
  if (node === undefined) loadContext.incomplete = true
  if (node === undefined || node === null) return undefined
  const plain = toPlain(loadContext, source, node)
  const origin = isPlainMap(plain) ? loadContext.origins.get(plain) : undefined
  if (origin !== undefined) return mergeFragment(inclusion, plain as PlainMap, origin)
  loadContext.incomplete = true
  return report(loadContext, 'GH1203', nodeSpan(source, node), {
    message: 'this fragment is not a map',
    help: `write a map with ${list()}`,
  })
}

function mergeFragment(inclusion: Inclusion, fragment: PlainMap, origin: Origin): void {
  const { loadContext, root, declared } = inclusion
  for (const [name, entry] of entriesOf(origin)) {
    const block = fragmentBlocks().find(block => block === name)
    if (block === undefined) reportBlock(loadContext, name, entry)
    else if (isPlainMap(fragment[block])) {
      mergeBlock(loadContext, block, { fragment: fragment[block], key: entry.key }, root, declared)
    } else if (fragment[block] !== null && !loadContext.skipped.get(fragment)?.has(block)) {
      const { span } = locate(loadContext, fragment, [block], 'value')
      loadContext.incomplete = true
      report(loadContext, 'GH1203', span, {
        message: `\`${block}\` is not a map`,
        help: `write a map by name, or \`${block}: {}\` for an empty one`,
        path: `/${block}`,
      })
    }
  }
}

function reportBlock(loadContext: LoadContext, name: string, { source, key }: Entry): void {
  if (key === undefined) return
  const span = nodeSpan(source, key)
  const path = toPointer([name])
  if (name === 'include') {
    const message = 'a fragment cannot include files'
    report(loadContext, 'GH1016', span, { message, help: 'name every file in the main file', path })
  } else if (mainFields().includes(name)) {
    const message = `only the main file may hold \`${name}\``
    report(loadContext, 'GH1015', span, { message, help: `move \`${name}\` to the main file`, path })
  } else {
    const suggestion = nearest(name, fragmentBlocks())
    const help = hintForField('Config', name) ?? helpWithName(suggestion, fragmentBlocks(), '')
    report(loadContext, 'GH1201', span, { message: `unknown field \`${name}\``, help, path, suggestion })
  }
}

function list(): string {
  return fragmentBlocks()
    .map(block => `\`${block}\``)
    .join(', ')
}

function shorten(file: string, { file: main }: Source): string {
  const folder = `${dirname(main)}/`
  return file.startsWith(folder) ? file.slice(folder.length) : file
}
