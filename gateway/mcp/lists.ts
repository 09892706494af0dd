import { elements, foldCase, members, stringOf, type Member } from './json.ts'
import type { ListMember, Operation } from './operation.ts'

/** Whether the caller may see an item; the same decision that a call would get. */
export type Judge = (operation: Operation) => boolean

/** A list that the gateway cannot judge, and so does not pass. */
export class UnreadableList extends Error {
  override readonly name = 'UnreadableList'
}

const listed = {
  tools: { method: 'tools/call', kind: 'tool', name: 'name' },
  prompts: { method: 'prompts/get', kind: 'prompt', name: 'name' },
  resources: { method: 'resources/read', kind: 'resource', name: 'uri' },
  resourceTemplates: { method: 'resources/read', kind: 'resource', name: 'uriTemplate' },
} as const satisfies Record<ListMember, unknown>

const listMembers = Object.keys(listed) as ListMember[]

/**
 * Takes out of a list result what the caller may not see, by cutting text: nothing that stays is re-typed.
 * A message that carries no list comes back as it was.
 *
 * @param text one JSON-RPC message, or an array of them
 * @param judge decides about each item
 * @param expected the lists that must be there, by `idValue` of the request's id
 * @returns the text to send
 * @throws UnreadableList where the text is no JSON, a list has another shape than MCP gives it, or an
 *   expected list is missing
 */
export function filterLists(text: string, judge: Judge, expected: ReadonlyMap<string, ListMember>): string {
  const parsed = parse(text)
  if (!Array.isArray(parsed)) return filterMessage(text, judge, expected)
  const cuts = elements(text).map(({ start, end }) => ({
    start,
    end,
    by: filterMessage(text.slice(start, end), judge, expected),
  }))
  return spliced(text, cuts)
}

/** What an id is, however it is written: the JSON text of its value. */
export function idValue(text: string): string {
  return JSON.stringify(JSON.parse(text))
}

interface Cut {
  readonly start: number
  readonly end: number
  readonly by: string
}

function filterMessage(text: string, judge: Judge, expected: ReadonlyMap<string, ListMember>): string {
  const message = members(text)
  const result = only(message, 'result')
  if (result === undefined) return text
  const found = members(text, result.start)
  const id = only(message, 'id')
  const awaited = id === undefined ? undefined : expected.get(idValue(text.slice(id.start, id.end)))
  if (awaited !== undefined && only(found, awaited) === undefined) {
    throw new UnreadableList(`the result has no member ${awaited}`)
  }
  const cuts: Cut[] = []
  for (const name of listMembers) {
    const list = only(found, name)
    if (list !== undefined) cuts.push(filterItems(text, list, name, judge))
  }
  if (cuts.length === 0) return text
  // What one caller may see is not for a cache to show to another (MCP 2026-07-28, caching).
  const scope = only(found, 'cacheScope')
  if (scope !== undefined) cuts.push({ start: scope.start, end: scope.end, by: '"private"' })
  else if (only(found, 'ttlMs') !== undefined || only(found, 'resultType') !== undefined) {
    cuts.push({ start: result.start + 1, end: result.start + 1, by: '"cacheScope":"private",' })
  }
  return spliced(text, cuts)
}

function filterItems(text: string, list: Member, name: ListMember, judge: Judge): Cut {
  if (text[list.start] !== '[') throw new UnreadableList(`the member ${name} is no array`)
  const { method, kind, name: nameMember } = listed[name]
  const kept = elements(text, list.start).filter(item => {
    const member = only(item.members, nameMember)
    const value = member && stringOf(text, member)
    if (value === undefined) throw new UnreadableList(`an item of ${name} has no ${nameMember}`)
    return judge({ method, kind, name: value })
  })
  const by = `[${kept.map(({ start, end }) => text.slice(start, end)).join(',')}]`
  return { start: list.start, end: list.end, by }
}

/** The member of that name; undefined where there is none. Throws where a parser could take another for it. */
function only(found: readonly Member[], name: string): Member | undefined {
  let member: Member | undefined
  for (const candidate of found) {
    // What folds to one of these names, all ASCII, is as long as it is.
    if (
      candidate.name.length !== name.length ||
      (candidate.name !== name && foldCase(candidate.name) !== foldCase(name))
    )
      continue
    if (member !== undefined || candidate.name !== name)
      throw new UnreadableList(`the member ${name} is ambiguous`)
    member = candidate
  }
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
