import { isCollection, isMap, isScalar, isSeq, type Node, type Scalar } from 'yaml'
import type { Span } from './diagnostics.ts'
import type { Entry, Origin } from './origin.ts'
import type { LoadContext } from './load-context.ts'
import type { Path } from './pointer.ts'
import { spanBetween, type Source } from './source.ts'

/** Which part of a field is meant: its key, or its value. Items of a list have no key. */
export type Part = 'key' | 'value'

/**
 * Where the value at this path was written. What was not written, such as a default, is where the nearest map or list
 * around it is; `exact` tells.
 */
export function locate(
  loadContext: LoadContext,
  root: unknown,
  path: Path,
  part: Part,
): { span: Span; exact: boolean } {
  const { entry, exact } = find(loadContext, root, path)
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

/** The entry that was written at this path, or the nearest around it. */
export function find(
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

/** The fields or items of a map or list by name or index. */
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

/** The value at this path as it was written, in backquotes; a list or map by the word. */
export function written(loadContext: LoadContext, root: unknown, path: Path): string {
  const { entry, exact } = find(loadContext, root, path)
  const node = exact ? entry?.value : undefined
  if (entry === undefined || node?.range == null || isEmpty(node)) return 'nothing'
  if (isCollection(node)) return isSeq(node) ? 'a list' : 'a map'
  return quote(entry.source.text.slice(node.range[0], node.range[1]).trim())
}

/** A piece of text in backquotes, on one line and not too long. */
export function quote(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ')
  return `\`${line.length > 64 ? `${line.slice(0, 60)}…` : line}\``
}

/** Whether this value, or what it stands in, cannot be judged because something wrong with it is reported already. */
export function isOpaque(loadContext: LoadContext, root: unknown, path: Path): boolean {
  let plain = root
  for (const step of path) {
    if (!isObject(plain)) return false
    if (loadContext.opaque.get(plain)?.has(String(step))) return true
    plain = plain[step]
  }
  return false
}

/** Where a node was written. A list or map over several lines counts as its first line. */
export function nodeSpan(source: Source, node: Node): Span {
  const [start, end] = node.range ?? [0, 0]
  const written = source.text.slice(start, end)
  const line = isCollection(node) ? (/^[^\r\n]*/.exec(written)?.[0] ?? '') : written
  return spanBetween(source, start, start + line.trimEnd().length)
}

/** A key as text, also when YAML reads it as a number or the like. */
export function keyText(key: Scalar): string {
  return typeof key.value === 'string' ? key.value : (key.source ?? String(key.value))
}

function isEmpty(node: Node): boolean {
  return node.range == null || node.range[0] === node.range[1]
}

function nowhere({ files }: LoadContext): Span {
  return { file: files.sources.keys().next().value ?? '', line: 1, column: 1, endLine: 1, endColumn: 1 }
}
