import { JsonChecker } from '../lib/json-checker.ts'
import { atOnce } from './pieces.ts'
import {
  eachElement,
  elements,
  memberNamed,
  members,
  stringOf,
  type MemberTree,
  type Element,
  type Member,
} from './json.ts'
import type { ListMember, NamedKind } from './methods.ts'
import { isJudgeable, type Operation } from './operation.ts'

/** Returns whether the caller may see an item: the same decision as for a call. */
export type Judge = (operation: Operation) => boolean

/** The error for a list that the gateway cannot judge, and so does not pass on. */
export class UnreadableList extends Error {
  override readonly name = 'UnreadableList'
}

/** The way to judge the items of a list: as operations of a method, by each name of an item. */
interface ListRule {
  readonly method: string
  readonly kind: NamedKind
  readonly names: (text: string, item: Element) => (string | undefined)[]
}

const named =
  (member: string): ListRule['names'] =>
  (text, { members: found }) => [textIn(text, found, member)]

const listed: Readonly<Record<ListMember, ListRule>> = {
  tools: { method: 'tools/call', kind: 'tool', names: named('name') },
  prompts: { method: 'prompts/get', kind: 'prompt', names: named('name') },
  resources: { method: 'resources/read', kind: 'resource', names: named('uri') },
  resourceTemplates: { method: 'resources/read', kind: 'resource', names: named('uriTemplate') },
  skills: { method: 'resources/read', kind: 'resource', names: skillFiles },
  skill: { method: 'resources/read', kind: 'resource', names: skillFiles },
}

/** Members of a result that may hold a list. */
export const listMembers = Object.keys(listed) as ListMember[]
const resultMembers: MemberTree = new Map([['result', new Map()]])

/**
 * Removes the items of a list that the caller may not see, by cutting text: what remains stays byte for byte. A message
 * without a list is returned unchanged.
 *
 * @param text one JSON-RPC message, or an array of them
 * @param judge decides about each item
 * @param expected the lists that must be present, by `idValue` of the request's id
 * @returns the text to send
 * @throws UnreadableList if the text is not JSON, a list does not have the shape that MCP defines, or an expected list is
 *   missing
 */
export function filterLists(text: string, judge: Judge, expected: ReadonlyMap<string, ListMember>): string {
  return atOnce(filtering(text, { judge, expected }))
}

/** Filters a long text in pieces, and yields between them; see {@link filterLists}. */
export function* filtering(text: string, rules: ListRules): Generator<void, string> {
  const isLong = text.length > maxAtOnce
  if (!isLong) parse(text)
  if (!/^[ \t\r\n]*\[/.test(text)) return yield* filterMessage(text, rules, isLong)
  const cuts: Cut[] = []
  for (const { start, end } of eachElement(text)) {
    cuts.push({ start, end, by: yield* filterMessage(text.slice(start, end), rules, isLong) })
  }
  if (isLong) yield* checkAround(text, cuts)
  return spliced(text, cuts)
}

/** The rules for a filter; see {@link filterLists}. */
export interface ListRules {
  readonly judge: Judge
  readonly expected: ReadonlyMap<string, ListMember>
}

/** Longest text that is read at once. */
export const maxAtOnce = 64 * 1024
/** Longest item of a long list, and longest text that is parsed at once. */
const maxPart = 2 * 1024 * 1024
const itemsAtOnce = 100

/** Returns the normalized JSON text of an id, however it is written. */
export function idValue(text: string): string {
  return JSON.stringify(JSON.parse(text))
}

interface Cut {
  readonly start: number
  readonly end: number
  readonly by: string
}

function* filterMessage(text: string, rules: ListRules, isLong: boolean): Generator<void, string> {
  const { judge, expected } = rules
  const message = members(text, 0, resultMembers)
  const result = only(message, 'result')
  if (result === undefined) {
    if (isLong) yield* checkLong(text)
    return text
  }
  const found = result.members ?? []
  const id = only(message, 'id')
  const awaited = id === undefined ? undefined : expected.get(idValue(text.slice(id.start, id.end)))
  if (awaited !== undefined && only(found, awaited) === undefined) {
    throw new UnreadableList(`the result has no member ${awaited}`)
  }
  const lists: Cut[] = []
  for (const name of listMembers) {
    const list = only(found, name)
    if (list === undefined) continue
    if (name !== 'skill') lists.push(yield* filterItems(text, list, name, judge, isLong))
    else if (!isVisible(text, { ...list, members: members(text, list.start) }, name, judge))
      return unknownSkill(id && text.slice(id.start, id.end))
    else lists.push({ start: list.start, end: list.end, by: text.slice(list.start, list.end) })
  }
  if (isLong) yield* checkAround(text, lists)
  if (lists.length === 0) return text
  return spliced(text, [...lists, ...privateScope(result, found)])
}

/** Makes a filtered result private, so that no cache serves it to another caller (MCP 2026-07-28, caching). */
function privateScope(result: Member, found: readonly Member[]): Cut[] {
  const scope = only(found, 'cacheScope')
  if (scope !== undefined) return [{ start: scope.start, end: scope.end, by: '"private"' }]
  if (only(found, 'ttlMs') === undefined && only(found, 'resultType') === undefined) return []
  return [{ start: result.start + 1, end: result.start + 1, by: '"cacheScope":"private",' }]
}

function* filterItems(
  text: string,
  list: Member,
  name: ListMember,
  judge: Judge,
  isLong: boolean,
): Generator<void, Cut> {
  if (text[list.start] !== '[') throw new UnreadableList(`the member ${name} is not an array`)
  const kept: string[] = []
  let read = 0
  let end = list.start + 1
  for (const item of eachElement(text, list.start)) {
    const written = text.slice(item.start, item.end)
    if (isLong) {
      checkPart(written)
      checkGap(text.slice(end, item.start), read > 0)
      end = item.end
    }
    if (isVisible(text, item, name, judge)) kept.push(written)
    if (++read % itemsAtOnce === 0) yield
  }
  if (isLong) checkGap(text.slice(end, list.end - 1), false)
  return { start: list.start, end: list.end, by: `[${kept.join(',')}]` }
}

/** Checks a text of any length, and yields after each piece. */
function* checkLong(text: string): Generator<void, void> {
  if (text.length <= maxPart) {
    parse(text)
    return
  }
  const checker = new JsonChecker()
  try {
    for (let at = 0; at < text.length; at += maxAtOnce) {
      checker.feed(text.slice(at, at + maxAtOnce))
      yield
    }
    checker.end()
  } catch (cause) {
    throw new UnreadableList('the message is not valid JSON', { cause })
  }
}

function checkPart(text: string): void {
  if (text.length > maxPart) throw new UnreadableList(`a part of it has more than ${maxPart} characters`)
  parse(text)
}

/** Checks what is between two items of a list. */
function checkGap(gap: string, hasComma: boolean): void {
  if (gap.trim() !== (hasComma ? ',' : '')) throw new UnreadableList('the message is not valid JSON')
}

/** Checks a long text, except the pieces that were checked one by one. */
function* checkAround(text: string, pieces: readonly Cut[]): Generator<void, void> {
  yield* checkLong(
    spliced(
      text,
      pieces.map(({ start, end }) => ({ start, end, by: '0' })),
    ),
  )
}

/** Returns whether the caller may see an item: each of its names must be allowed, and so be judgeable. */
function isVisible(text: string, item: Element, list: ListMember, judge: Judge): boolean {
  const { method, kind, names } = listed[list]
  const found = names(text, item)
  if (found.includes(undefined))
    throw new UnreadableList(`an item of ${list} has no name, or one that is not text`)
  return (found as string[]).every(name => isJudgeable(name) && judge({ method, kind, name }))
}

/** Returns the URIs of a skill (SEP-2640, Skill Entries): of its SKILL.md and of every file, if these are listed. */
function skillFiles(text: string, { members: found }: Element): (string | undefined)[] {
  const files = only(found, 'resources')
  if (files === undefined) return [undefined]
  const uri = textIn(text, found, 'uri')
  if (stringOf(text, files) === 'dynamic') return [uri]
  if (text[files.start] !== '[') return [undefined]
  return [uri, ...elements(text, files.start).map(({ members: file }) => textIn(text, file, 'uri'))]
}

function unknownSkill(id: string | undefined): string {
  const error = '{"code":-32602,"message":"Unknown resource"}'
  return `{"jsonrpc":"2.0",${id === undefined ? '' : `"id":${id},`}"error":${error}}`
}

function textIn(text: string, found: readonly Member[], name: string): string | undefined {
  const member = only(found, name)
  return member && stringOf(text, member)
}

/** Returns the member with that name; undefined if there is none. Throws if a parser could read another one. */
export function only(found: readonly Member[], name: string): Member | undefined {
  const member = memberNamed(found, name)
  if (member === 'ambiguous') throw new UnreadableList(`the member ${name} is ambiguous`)
  return member
}

function spliced(text: string, cuts: readonly Cut[]): string {
  let at = 0
  let out = ''
  for (const cut of cuts.toSorted((a, b) => a.start - b.start)) {
    out += text.slice(at, cut.start) + cut.by
    at = cut.end
  }
  return out + text.slice(at)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new UnreadableList('the message is not valid JSON', { cause })
  }
}
