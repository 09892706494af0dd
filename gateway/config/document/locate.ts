import { isCollection, isMap, isScalar, isSeq, type Node, type Scalar } from 'yaml'
import type { Span } from './diagnostics.ts'
import type { Entry, Origin } from './origin.ts'
import type { LoadContext } from './load-context.ts'
import type { Path } from './pointer.ts'
import { spanBetween, type Source } from './source.ts'

/** Part of a field. Items of a list have no key. */
export type Part = 'key' | 'value'

/**
 * Returns the place of the value at a path. For a value that is not in a file, such as a default, returns the place of the
 * nearest map or list around it, and `exact` is false.
 */
export function locate(
  loadContext: LoadContext,
  root: unknown,
  path: Path,
  part: Part,
): { span: Span; exact: boolean } {
  const { entry, exact } = findEntry(loadContext, root, path)
  if (entry === undefined) {
    const origin = loadContext.origins.get(root as object)
    return { span: origin === undefined ? nowhere(loadContext) : nodeSpan(origin.source, origin.node), exact }
  }
  const { source, key, value } = entry
  if (key !== undefined && (part === 'key' || !exact || value === null || isEmpty(value))) {
    return { span: nodeSpan(source, key), exact }
  }
  return { span: value === null ? nowhere(loadContext) : nodeSpan(source, value), exact }
}

/** Returns the entry at a path, or the nearest one around it. */
export function findEntry(
  loadContext: LoadContext,
  root: unknown,
  path: Path,
): { entry: Entry | undefined; exact: boolean } {
  let entry: Entry | undefined
  let exact = true
  let plain = root
  for (const step of path) {
    const origin = isObject(plain) ? loadContext.origins.get(plain) : undefined
    const next = origin && entriesOf(origin).get(String(step))
    exact = next !== undefined
    entry = next ?? entry
    plain = isObject(plain) ? plain[step] : undefined
  }
  return { entry, exact }
}

function isObject(value: unknown): value is Record<string | number, unknown> {
  return typeof value === 'object' && value !== null
}

/** Returns the fields of a map by name, or the items of a list by index. */
export function entriesOf(origin: Origin): ReadonlyMap<string, Entry> {
  origin.entries ??= index(origin)
  return origin.entries
}

function index({ source, node }: Origin): ReadonlyMap<string, Entry> {
  const entries = new Map<string, Entry>()
  if (isSeq(node)) {
    for (const [at, item] of node.items.entries()) {
      entries.set(String(at), { source, key: undefined, value: item as Node | null })
    }
  }
  if (!isMap(node)) return entries
  for (const { key, value } of node.items) {
    if (!isScalar(key) || entries.has(keyText(key))) continue
    entries.set(keyText(key), { source, key, value: value as Node | null })
  }
  return entries
}

/** Returns the value at a path as it was written, in backquotes; for a list or a map, that word. */
export function quoteValue(loadContext: LoadContext, root: unknown, path: Path): string {
  const { entry, exact } = findEntry(loadContext, root, path)
  const node = exact ? entry?.value : undefined
  if (entry === undefined || node?.range == null || isEmpty(node)) return 'nothing'
  if (isCollection(node)) return isSeq(node) ? 'a list' : 'a map'
  return quote(entry.source.text.slice(node.range[0], node.range[1]).trim())
}

/** Returns a value as it was written, with its quotation marks; empty for a value that is not in a file. */
export function writtenAt(loadContext: LoadContext, root: unknown, path: Path): string {
  const { entry, exact } = findEntry(loadContext, root, path)
  const node = exact ? entry?.value : undefined
  return entry === undefined || node?.range == null
    ? ''
    : entry.source.text.slice(node.range[0], node.range[1])
}

/** Returns whether a value contains a variable, so that messages must not derive anything from it. */
export function hasVariable(loadContext: LoadContext, root: unknown, path: Path): boolean {
  return writtenAt(loadContext, root, path).includes('${')
}

/** Puts a text in backquotes, shortened, on one line. */
export function quote(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ')
  return `\`${line.length > 64 ? `${line.slice(0, 60)}…` : line}\``
}

/** Returns whether checks skip a value, or a map or list around it. */
export function isSkipped(loadContext: LoadContext, root: unknown, path: Path): boolean {
  let plain = root
  for (const step of path) {
    if (!isObject(plain)) return false
    if (loadContext.skipped.get(plain)?.has(String(step))) return true
    plain = plain[step]
  }
  return false
}

/** Returns the place of a node. Of a list or map over several lines, that is the first line. */
export function nodeSpan(source: Source, node: Node): Span {
  const [start, end] = node.range ?? [0, 0]
  const written = source.text.slice(start, end)
  const line = isCollection(node) ? (/^[^\r\n]*/.exec(written)?.[0] ?? '') : written
  return spanBetween(source, start, start + line.trimEnd().length)
}

/** Returns a key as text, even if YAML reads it as a number or the like. */
export function keyText(key: Scalar): string {
  return typeof key.value === 'string' ? key.value : (key.source ?? String(key.value))
}

function isEmpty(node: Node): boolean {
  return node.range == null || node.range[0] === node.range[1]
}

function nowhere({ files }: LoadContext): Span {
  return { file: files.sources.keys().next().value ?? '', line: 1, column: 1, endLine: 1, endColumn: 1 }
}
