import { isDeepStrictEqual } from 'node:util'
import { isAlias, isMap, isScalar, isSeq, parseDocument, type Document, type Node, type YAMLMap } from 'yaml'
import {
  blockField,
  blockLines,
  flow,
  flowField,
  blockItem,
  type Notation,
  type Value,
} from '../schema/notation.ts'
import type { Path } from '../document/pointer.ts'
import {
  addLines,
  addToFlow,
  columnOf,
  fieldOf,
  removeFromBlock,
  removeFromFlow,
  indentOf,
  type Splice,
} from './splice.ts'

/** A change to a YAML text: sets a field, adds fields that a map does not have, appends an item to a list, or removes an item that is not the last one. */
export type Change =
  | { readonly set: Path; readonly to: Value }
  | { readonly add: Path; readonly fields: Readonly<Record<string, Value>> }
  | { readonly append: Path; readonly item: Value }
  | { readonly remove: Path }

/** A text that cannot be changed without changing more than requested. */
export class EditError extends Error {
  override name = 'EditError'
}

interface Target {
  readonly text: string
  readonly root: YAMLMap
  readonly notation: Notation
}

/**
 * Applies changes to a YAML text. Comments, blank lines, quotes, order, indentation and line breaks stay as they are. New
 * entries come last, in the block or flow style of their neighbours. Reads the result again, and returns it only if it
 * differs by exactly these changes.
 *
 * @throws EditError if an alias, an anchor or the like is in the way
 */
export function editText(text: string, changes: readonly Change[]): string {
  const mark = text.startsWith('\ufeff') ? '\ufeff' : ''
  let edited = text.slice(mark.length)
  for (const change of changes) {
    const document = read(edited)
    const root = document.contents as YAMLMap
    const splices = splicesFor({ text: edited, root, notation: root.flow ? 'json' : 'yaml' }, change)
    const expected = changed(plain(document), change)
    edited = spliced(edited, splices)
    if (!isDeepStrictEqual(plain(read(edited)), expected)) {
      throw cannotEdit('an anchor, an alias or a tag is in the way')
    }
  }
  return mark + edited
}

function read(text: string): Document {
  const options = { schema: 'core', merge: false, uniqueKeys: false, keepSourceTokens: true } as const
  const document = parseDocument(text, { ...options, logLevel: 'error' })
  if (document.errors.length > 0 || !isMap(document.contents)) throw cannotEdit('it is not a YAML map')
  return document
}

// Goes through JSON, so that aliases no longer share values.
function plain(document: Document): unknown {
  try {
    return JSON.parse(JSON.stringify(document.toJS({ maxAliasCount: -1 })))
  } catch {
    throw cannotEdit('an alias would lose its anchor')
  }
}

function cannotEdit(why: string): EditError {
  return new EditError(`the text cannot be edited in place: ${why}`)
}

function spliced(text: string, splices: readonly Splice[]): string {
  let edited = text
  for (const { start, end, insert } of splices.toSorted((a, b) => b.start - a.start)) {
    edited = edited.slice(0, start) + insert + edited.slice(end)
  }
  return edited
}

function splicesFor(target: Target, change: Change): Splice[] {
  if ('set' in change) return set(target, change.set, change.to)
  if ('add' in change) return add(target, change.add, change.fields)
  if ('append' in change) return append(target, change.append, change.item)
  const [list, index] = [nodeAt(target, change.remove.slice(0, -1)), Number(change.remove.at(-1))]
  if (!isSeq(list) || index + 1 >= list.items.length)
    throw cannotEdit('there is no such item, or it is the last')
  return list.flow ? removeFromFlow(list, index) : removeFromBlock(target.text, list, index)
}

function set(target: Target, path: Path, value: Value): Splice[] {
  const name = String(path.at(-1))
  const map = nodeAt(target, path.slice(0, -1))
  if (isMap(map) && fieldOf(map, name) !== undefined) return replace(target, map, name, value)
  return add(target, path.slice(0, -1), { [name]: value })
}

function add(target: Target, path: Path, fields: Readonly<Record<string, Value>>): Splice[] {
  const { text, root, notation } = target
  const map = nodeAt(target, path)
  if (map === undefined || isBlank(text, map)) return set(target, path, fields)
  if (!isMap(map))
    throw cannotEdit(isAlias(map) ? 'an alias is in the way' : 'a map is expected where there is none')
  const entries = Object.entries(fields)
  if (map.flow) {
    return addToFlow(text, map, entries.map(entry => flowField(...entry, notation)).join(', '))
  }
  const step = indentOf(text, map, root)
  return addLines(
    text,
    map,
    entries.flatMap(entry => blockField(...entry, step)),
  )
}

function replace({ text, root, notation }: Target, map: YAMLMap, name: string, value: Value): Splice[] {
  const { key, value: old } = fieldOf(map, name)!
  const [start, end] = old.range!
  const colon = text.indexOf(':', key.range![1]) + 1
  if (isBlank(text, old) && !map.flow && typeof value === 'object') {
    const step = indentOf(text, map, root)
    const below = { below: key, column: columnOf(text, map) + step }
    return [
      { start: colon, end: start === end ? colon : end, insert: '' },
      ...addLines(text, below, blockLines(value, step)),
    ]
  }
  const insert = flow(value, notation)
  if (start === end) return [{ start: colon, end: colon, insert: ` ${insert}` }]
  if (isScalar(old) ? String(old.type).startsWith('BLOCK') : !isAlias(old) && !isBlank(text, old)) {
    throw cannotEdit('a value on one line is expected')
  }
  return [{ start, end, insert }]
}

function append(target: Target, path: Path, item: Value): Splice[] {
  const { text, notation } = target
  const list = nodeAt(target, path)
  if (!isSeq(list))
    throw cannotEdit(isAlias(list) ? 'an alias is in the way' : 'a list is expected where there is none')
  if (list.flow) return addToFlow(text, list, flow(item, notation))
  const last = list.items.at(-1)
  return addLines(text, list, isMap(last) && last.flow ? [`- ${flow(item, notation)}`] : blockItem(item))
}

/** Returns the node at a path; undefined for none. Does not follow aliases. */
function nodeAt({ text, root }: Target, path: Path): Node | undefined {
  let node: Node | undefined = root
  for (const step of path) {
    if (isMap(node)) node = fieldOf(node, String(step))?.value
    else if (isSeq(node)) node = node.items[Number(step)] as Node | undefined
    else if (node === undefined || isBlank(text, node)) return undefined
    else throw cannotEdit('an alias, or a value of another type, is in the way')
  }
  return node
}

/** Returns whether a node is null, written or not, or an empty map. */
function isBlank(text: string, node: Node): boolean {
  if (isScalar(node)) return node.value === null
  return isMap(node) && /^\{[ \t]*\}$/.test(text.slice(node.range![0], node.range![1]))
}

/** Applies a change to the data instead of the text. */
function changed(data: unknown, change: Change): unknown {
  if ('add' in change) {
    const { add, fields } = change
    return Object.entries(fields).reduce(
      (into, [name, to]) => changed(into, { set: [...add, name], to }),
      data,
    )
  }
  const path = 'set' in change ? change.set : 'append' in change ? change.append : change.remove
  const last = path.at(-1)!
  let at = data as Record<string | number, unknown>
  for (const step of path.slice(0, -1)) at = (at[step] ??= {}) as Record<string | number, unknown>
  if ('set' in change) at[last] = change.to
  else if ('append' in change) (at[last] as unknown[]).push(change.item)
  else (at as unknown as unknown[]).splice(Number(last), 1)
  return data
}
