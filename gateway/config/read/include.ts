import { dirname, resolve } from 'node:path'
import type { Span } from '../document/diagnostics.ts'
import { readSource } from '../document/files.ts'
import { isPattern } from '../document/include-pattern.ts'
import { report, type LoadContext } from '../document/load-context.ts'
import { entriesOf, locate, nodeSpan } from '../document/locate.ts'
import type { Entry } from '../document/origin.ts'
import type { Origin } from '../document/origin.ts'
import { readScope } from '../document/fragment-scope.ts'
import { MalformedError } from '../../values/malformed.ts'
import { mergeBlock, reportDeclaredTwice, type Declared } from './merge.ts'
import { parseSource } from './parse.ts'
import { toPointer } from '../document/pointer.ts'
import { isSystemPath, isWithin, realPath } from '../document/real-path.ts'
import { mainFields } from '../schema/schema.ts'
import type { Source } from '../document/source.ts'
import { instead, nearest } from '../document/suggest.ts'
import { isPlainMap, toPlain, type PlainMap } from './tree.ts'

/** What a fragment may hold: maps by name. */
const blocks = ['auth', 'roles', 'keys', 'proxies'] as const

/** Reads the files that `include` of the main file names, and merges their blocks into its plain form. */
export function includeFragments(loadContext: LoadContext, main: Source, root: PlainMap): void {
  const patterns = root['include']
  if (!Array.isArray(patterns)) return
  const declared: Declared = new Map()
  const included = new Map<string, Span>()
  for (const [index, item] of patterns.entries()) {
    const scope = isPlainMap(item) ? readScope(item, main.file) : undefined
    const pattern: unknown = isPlainMap(item) ? item['path'] : item
    if (typeof pattern !== 'string' || pattern === '' || loadContext.opaque.get(patterns)?.has(String(index)))
      continue
    if (isPlainMap(item) && loadContext.opaque.get(item)?.has('path')) continue
    const { span } = locate(loadContext, root, ['include', index], 'value')
    const path = toPointer(['include', index])
    const folder = dirname(main.file)
    for (const file of filesOf(loadContext, resolve(folder, pattern), span, path)) {
      const refusal = whyRefused(file, resolve(folder, pattern), folder)
      if (refusal !== undefined) {
        report(loadContext, refusal.code, span, `\`${shorten(file, main)}\` ${refusal.why}`, { path })
        loadContext.incomplete = true
        continue
      }
      const first = included.get(file)
      if (file === main.file) {
        report(
          loadContext,
          'GH1014',
          span,
          'this is the main file itself; keep fragments in a folder of their own',
          { path },
        )
      } else if (first !== undefined) {
        const related = [{ span: first, message: 'first included here' }]
        report(loadContext, 'GH1014', span, `\`${shorten(file, main)}\` is included already; take one out`, {
          path,
          related,
        })
      } else {
        included.set(file, span)
        loadContext.fragments.set(file, { item: index, scope })
        includeFragment(loadContext, file, main, { span, path }, root, declared)
      }
    }
  }
  reportDeclaredTwice(loadContext, declared)
}

function filesOf(loadContext: LoadContext, pattern: string, span: Span, path: string): string[] {
  if (!isPattern(pattern) || isSystemPath(fixedFolder(pattern))) return [pattern]
  try {
    const files = loadContext.files.glob(pattern)
    if (files.length === 0) report(loadContext, 'GH1404', span, 'no file matches this pattern', { path })
    return files
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error
    report(loadContext, 'GH1306', span, error.message, { path })
    return []
  }
}

/** Why a file may not be a fragment. A pattern matches what others put there, so it must not lead anywhere else. */
function whyRefused(
  file: string,
  pattern: string,
  main: string,
): { code: 'GH1026' | 'GH1028'; why: string } | undefined {
  if (isSystemPath(fixedFolder(pattern)) || isSystemPath(file))
    return { code: 'GH1026', why: 'leads to /proc, /sys or /dev; include files of your own' }
  if (!isPattern(pattern) || isWithin(fixedFolder(pattern), file)) return undefined
  if (isWithin(realPath(main), realPath(file))) return undefined
  return {
    code: 'GH1028',
    why: 'is a link that leads out of the folder; include what it leads to by its own path',
  }
}

/** The folder that a pattern names before its first wildcard. */
function fixedFolder(pattern: string): string {
  const segments = pattern.split('/')
  const wild = segments.findIndex(isPattern)
  return segments.slice(0, wild === -1 ? -1 : wild).join('/') || '/'
}

function includeFragment(
  loadContext: LoadContext,
  file: string,
  main: Source,
  item: { span: Span; path: string },
  root: PlainMap,
  declared: Declared,
): void {
  const source = readSource(loadContext.files, file)
  if ('why' in source) {
    const { code, why } = source
    const message = `\`${shorten(file, main)}\` cannot be included: ${why}`
    loadContext.incomplete = true
    return report(loadContext, code === 'GH1001' ? 'GH1013' : code, item.span, message, { path: item.path })
  }
  const node = parseSource(loadContext, source)
  if (node === undefined) loadContext.incomplete = true
  if (node === undefined || node === null) return undefined
  const plain = toPlain(loadContext, source, node)
  const origin = isPlainMap(plain) ? loadContext.origins.get(plain) : undefined
  if (origin !== undefined) return mergeFragment(loadContext, plain as PlainMap, origin, root, declared)
  loadContext.incomplete = true
  return report(loadContext, 'GH1203', nodeSpan(source, node), `a fragment is a map that holds ${list()}`)
}

function mergeFragment(
  loadContext: LoadContext,
  fragment: PlainMap,
  origin: Origin,
  root: PlainMap,
  declared: Declared,
): void {
  for (const [name, entry] of entriesOf(origin)) {
    const block = blocks.find(block => block === name)
    if (block === undefined) reportBlock(loadContext, name, entry)
    else if (isPlainMap(fragment[block])) {
      mergeBlock(loadContext, block, { fragment: fragment[block], key: entry.key }, root, declared)
    } else if (fragment[block] !== null && !loadContext.opaque.get(fragment)?.has(block)) {
      const { span } = locate(loadContext, fragment, [block], 'value')
      const message = `\`${block}\` is a map by name; write \`${block}: {}\` when there is nothing in it`
      loadContext.incomplete = true
      report(loadContext, 'GH1203', span, message, { path: `/${block}` })
    }
  }
}

function reportBlock(loadContext: LoadContext, name: string, { source, key }: Entry): void {
  if (key === undefined) return
  const span = nodeSpan(source, key)
  const path = toPointer([name])
  if (name === 'include') {
    report(loadContext, 'GH1016', span, 'a fragment includes nothing; name every file in the main file', {
      path,
    })
  } else if (mainFields().includes(name)) {
    report(
      loadContext,
      'GH1015',
      span,
      `\`${name}\` stands in the main file only; a fragment holds ${list()}`,
      {
        path,
      },
    )
  } else {
    const suggestion = nearest(name, blocks)
    report(loadContext, 'GH1201', span, `unknown field \`${name}\`${instead(suggestion, blocks, '')}`, {
      path,
      suggestion,
    })
  }
}

function list(): string {
  return blocks.map(block => `\`${block}\``).join(', ')
}

function shorten(file: string, { file: main }: Source): string {
  const folder = `${dirname(main)}/`
  return file.startsWith(folder) ? file.slice(folder.length) : file
}
