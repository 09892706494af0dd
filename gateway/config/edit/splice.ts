import {
  isCollection,
  isMap,
  isPair,
  isScalar,
  type CST,
  type Node,
  type Pair,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml'

/** Text that replaces the text between two offsets. */
export interface Splice {
  readonly start: number
  readonly end: number
  readonly insert: string
}

/** A field of a map as it was written. */
export interface Field {
  readonly key: Node
  readonly value: Node
}

type Collection = YAMLMap | YAMLSeq

/** Returns the field of a name. */
export function fieldOf(map: YAMLMap, name: string): Field | undefined {
  const pair = map.items.find(({ key }) => isScalar(key) && String(key.value) === name)
  return pair === undefined ? undefined : { key: pair.key as Node, value: (pair.value ?? pair.key) as Node }
}

/** Returns the column, from 0, at which the items of a block collection begin. */
export function columnOf(text: string, { range }: Collection): number {
  return range![0] - lineStart(text, range![0])
}

/** Returns the indentation for the fields of a new entry: that of its neighbours. */
export function indentOf(text: string, map: YAMLMap, root: YAMLMap): number {
  for (const { items } of [map, root]) {
    const nested = items.map(({ value }) => value).findLast(value => isMap(value) && value.flow !== true)
    const outer = items === map.items ? map : root
    if (nested !== undefined) return columnOf(text, nested as YAMLMap) - columnOf(text, outer)
  }
  return 2
}

/** Adds lines after the last item of a block collection, or below a key that has no value. */
export function addLines(
  text: string,
  place: Collection | { readonly below: Node; readonly column: number },
  lines: readonly string[],
): Splice[] {
  const [end, column, minIndent] =
    'below' in place
      ? [place.below.range![1], place.column, 1]
      : [contentEnd(place), columnOf(text, place), columnOf(text, place) + (isMap(place) ? 0 : 1)]
  const start = afterComments(text, end, Math.max(minIndent, 1))
  const indented = lines.map(line => ' '.repeat(column) + line)
  if ('items' in place && isMap(place) && isSpaced(text, place)) indented.unshift('')
  return [lineSplice(text, start, indented)]
}

/** Adds an item to a flow collection: on its own line if the last item has its own line. */
export function addToFlow(text: string, collection: Collection, item: string): Splice[] {
  const close = collection.range![1] - 1
  const last = collection.items.at(-1)
  if (last === undefined) return addToEmptyFlow(text, close, item)
  const end = contentEnd(last as Node)
  const comma = /^(?:\s|#[^\n]*\n)*,/.exec(text.slice(end, close))?.[0].length
  const after = end + (comma ?? 0)
  const indent = /^[ \t]*/.exec(text.slice(lineStart(text, startOf(last))))![0]
  if (lineStart(text, startOf(last)) + indent.length !== startOf(last)) {
    return [{ start: after, end: after, insert: comma === undefined ? `, ${item}` : ` ${item},` }]
  }
  const line = `${indent}${item}${comma === undefined ? '' : ','}`
  const separator = comma === undefined ? ',' : ''
  if (close < nextLine(text, after)) {
    return [{ start: after, end: after, insert: separator + newlineAt(text, after) + line }]
  }
  return [
    { start: end, end, insert: separator },
    lineSplice(text, afterComments(text, after, Math.max(indent.length, 1)), [line]),
  ]
}

function addToEmptyFlow(text: string, close: number, item: string): Splice[] {
  const indent = text.slice(lineStart(text, close), close)
  if (/\S/.test(indent)) return [{ start: close, end: close, insert: item }]
  return [lineSplice(text, lineStart(text, close), [`${indent}  ${item}`])]
}

/** Removes an item with its comments from a block list. Comments above it stay. */
export function removeFromBlock(text: string, list: YAMLSeq, index: number): Splice[] {
  const item = list.items[index] as Node
  const { items } = list.srcToken as CST.BlockSequence
  const dash = items[index]!.start.find(({ type }) => type === 'seq-item-ind')!.offset
  const end = afterComments(text, contentEnd(item), columnOf(text, list) + 1)
  return [{ start: lineStart(text, dash), end, insert: '' }]
}

/** Removes an item that is not the last one from a flow list, with the text before the next item. */
export function removeFromFlow(list: YAMLSeq, index: number): Splice[] {
  return [{ start: startOf(list.items[index]), end: startOf(list.items[index + 1]), insert: '' }]
}

/** Returns the end of the text of a node, without the comments and blank lines after it. */
function contentEnd(node: Node | Pair): number {
  if (isPair(node)) return contentEnd((node.value ?? node.key) as Node)
  if (isCollection(node) && !node.flow) return contentEnd(node.items.at(-1) as Node | Pair)
  return node.range![1]
}

function startOf(item: unknown): number {
  return ((isPair(item) ? item.key : item) as Node).range![0]
}

/** Returns the start of the line after an offset and after the comments below it that are indented at least so far. */
function afterComments(text: string, offset: number, minIndent: number): number {
  let end = offset > 0 && text[offset - 1] === '\n' ? offset : nextLine(text, offset)
  for (let line = end; line < text.length;) {
    const next = nextLine(text, line)
    const [, indent = '', rest = ''] = /^([ \t]*)(.*)/.exec(text.slice(line, next)) ?? []
    if (rest.startsWith('#') && indent.length >= minIndent) end = next
    else if (rest.trim() !== '') break
    line = next
  }
  return end
}

function isSpaced(text: string, { items }: YAMLMap): boolean {
  const [last, previous] = [items.at(-1), items.at(-2)]
  if (last === undefined || previous === undefined) return false
  return /\n[ \t]*\r?\n/.test(text.slice(contentEnd(previous) - 1, startOf(last)))
}

function lineSplice(text: string, start: number, lines: readonly string[]): Splice {
  const newline = newlineAt(text, start)
  const unfinished = start === text.length && !text.endsWith('\n')
  const insert = lines.map(line => (unfinished ? newline + line : line + newline)).join('')
  return { start, end: start, insert }
}

/** Returns the line break to use at an offset: that of the line before, or the first one of the text. */
function newlineAt(text: string, offset: number): string {
  const before = text.lastIndexOf('\n', offset - 1)
  const at = before === -1 ? text.indexOf('\n') : before
  return at > 0 && text[at - 1] === '\r' ? '\r\n' : '\n'
}

function lineStart(text: string, offset: number): number {
  return text.lastIndexOf('\n', offset - 1) + 1
}

function nextLine(text: string, offset: number): number {
  const end = text.indexOf('\n', offset)
  return end === -1 ? text.length : end + 1
}
