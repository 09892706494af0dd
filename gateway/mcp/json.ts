/**
 * Reading JSON text by position, so that what is judged and what is forwarded are the same characters. These
 * functions expect text that `JSON.parse` has accepted; they find where things stand in it, no more.
 */

/** A member of an object: its decoded name, and where its value stands in the text. */
export interface Member {
  readonly name: string
  readonly start: number
  readonly end: number
  /** Those of its value, where it is an object whose members were asked for. */
  readonly members: readonly Member[] | undefined
}

/** Names of members whose own members are asked for, and of which of those theirs are. */
export interface Asked extends ReadonlyMap<string, Asked> {}

const nothing: Asked = new Map()

/** Where an element of an array stands in the text, with its members where it is an object. */
export interface Element {
  readonly start: number
  readonly end: number
  readonly members: readonly Member[]
}

const quote = 0x22
const backslash = 0x5c
const comma = 0x2c
const openBrace = 0x7b
const closeBrace = 0x7d
const openBracket = 0x5b
const closeBracket = 0x5d

function skipSpace(text: string, at: number): number {
  let code = text.charCodeAt(at)
  while (code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09) code = text.charCodeAt(++at)
  return at
}

/** From an opening quotation mark to just behind its closing one. */
function skipString(text: string, at: number): number {
  let end = text.indexOf('"', at + 1)
  while (end !== -1) {
    let before = end - 1
    while (text.charCodeAt(before) === backslash) before--
    if ((end - before) % 2 === 1) return end + 1
    end = text.indexOf('"', end + 1)
  }
  return text.length
}

function skipValue(text: string, at: number): number {
  const first = text.charCodeAt(at)
  if (first === quote) return skipString(text, at)
  return first === openBrace || first === openBracket ? skipNested(text, at) : skipScalar(text, at)
}

function skipScalar(text: string, at: number): number {
  while (at < text.length) {
    const code = text.charCodeAt(at)
    if (code === comma || code === closeBrace || code === closeBracket || code <= 0x20) return at
    at++
  }
  return at
}

/** Skips an object or an array. */
function skipNested(text: string, at: number): number {
  let depth = 0
  while (at < text.length) {
    const code = text.charCodeAt(at)
    if (code === quote) {
      at = skipString(text, at)
      continue
    }
    if (code === openBrace || code === openBracket) depth++
    else if ((code === closeBrace || code === closeBracket) && --depth === 0) return at + 1
    at++
  }
  return at
}

/**
 * The deepest nesting of objects and arrays in a text, whether it is valid JSON or not.
 *
 * @returns 0 for a scalar, 1 for a flat object or array
 */
export function nesting(text: string): number {
  let depth = 0
  let deepest = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === quote) at = skipString(text, at) - 1
    else if (code === openBrace || code === openBracket) deepest = Math.max(deepest, ++depth)
    else if (code === closeBrace || code === closeBracket) depth--
  }
  return deepest
}

/** The members of the object that begins at or behind `at`, in order, duplicates included; none if it is no object. */
export function members(text: string, at = 0, asked = nothing): Member[] {
  const found: Member[] = []
  readMembers(text, skipSpace(text, at), found, asked)
  return found
}

/** Adds the members of the object at `at`, if there is one; returns where it ends. */
function readMembers(text: string, at: number, found: Member[], asked: Asked): number {
  if (text.charCodeAt(at) !== openBrace) return at
  at = skipSpace(text, at + 1)
  while (text.charCodeAt(at) === quote) {
    const nameEnd = skipString(text, at)
    const name = readString(text, at, nameEnd)
    const start = skipSpace(text, skipSpace(text, nameEnd) + 1)
    const inner = text.charCodeAt(start) === openBrace ? asked.get(name) : undefined
    const own: Member[] | undefined = inner === undefined ? undefined : []
    const end = own && inner ? readMembers(text, start, own, inner) : skipValue(text, start)
    found.push({ name, start, end, members: own })
    at = skipSpace(text, end)
    if (text.charCodeAt(at) !== comma) break
    at = skipSpace(text, at + 1)
  }
  return at + 1
}

/** The value of the string from `start` to `end`. */
function readString(text: string, start: number, end: number): string {
  const written = text.slice(start + 1, end - 1)
  return written.includes('\\') ? (JSON.parse(text.slice(start, end)) as string) : written
}

/**
 * The member of that name, which is ASCII; undefined where there is none, `ambiguous` where it is written twice or in
 * another case, so that some parser could take another one for it.
 */
export function memberNamed(found: readonly Member[], name: string): Member | undefined | 'ambiguous' {
  const { length } = name
  let member: Member | undefined
  for (const candidate of found) {
    // What folds to an ASCII name is as long as it is, or goes on behind a NUL.
    if (candidate.name.length !== length && candidate.name.charCodeAt(length) !== 0) continue
    if (candidate.name !== name && foldCase(candidate.name) !== foldCase(name)) continue
    if (member !== undefined || candidate.name !== name) return 'ambiguous'
    member = candidate
  }
  return member
}

/** A piece of a text, and what stands there instead. */
export interface Replacement {
  readonly start: number
  readonly end: number
  readonly by: string
}

/** Replaces pieces of a text that do not overlap. */
export function replaced(text: string, replacements: readonly Replacement[]): string {
  let at = 0
  let out = ''
  for (const { start, end, by } of replacements.toSorted((a, b) => a.start - b.start)) {
    out += text.slice(at, start) + by
    at = end
  }
  return out + text.slice(at)
}

/** The value of a member; undefined where it is no string. */
export function stringOf(text: string, { start, end }: Pick<Member, 'start' | 'end'>): string | undefined {
  return text.charCodeAt(start) === quote ? readString(text, start, end) : undefined
}

/** The elements of the array that begins at or behind `at`, in order; none if it is no array. */
export function elements(text: string, at = 0): Element[] {
  return [...eachElement(text, at)]
}

/** The same one by one, for arrays that are too long to be read at once. */
export function* eachElement(text: string, at = 0): Generator<Element, void> {
  at = skipSpace(text, at)
  if (text.charCodeAt(at) !== openBracket) return
  at = skipSpace(text, at + 1)
  while (at < text.length && text.charCodeAt(at) !== closeBracket) {
    const own: Member[] = []
    const end = text.charCodeAt(at) === openBrace ? readMembers(text, at, own, nothing) : skipValue(text, at)
    yield { start: at, end, members: own }
    at = skipSpace(text, end)
    if (text.charCodeAt(at) !== comma) break
    at = skipSpace(text, at + 1)
  }
}

// oxlint-disable-next-line no-control-regex
const ascii = /^[\0-\x7f]*$/

/**
 * Folds the case of a name as widely as any parser does that matches names without regard to case: beside
 * ASCII letters the long s, the Kelvin sign, and the dotted and dotless i. A name ends at a NUL, as it does where it
 * becomes a C string.
 */
export function foldCase(written: string): string {
  const end = written.indexOf('\0')
  const name = end === -1 ? written : written.slice(0, end)
  if (ascii.test(name)) return name.toLowerCase()
  return name
    .replaceAll('\u017f', 's')
    .replaceAll('\u212a', 'k')
    .replaceAll(/[\u0130\u0131]/g, 'i')
    .toLowerCase()
}
