/**
 * Reads JSON text by position, so that the gateway judges the same characters that it forwards. These functions find
 * positions only: they expect text that `JSON.parse` has accepted.
 */

/** A member of an object: its decoded name, and the position of its value in the text. */
export interface Member {
  readonly name: string
  readonly start: number
  readonly end: number
  /** The members of its value, if that is an object whose members were asked for. */
  readonly members: readonly Member[] | undefined
}

/** The members whose own members to read, by name; for each of these, the same again. */
export interface MemberTree extends ReadonlyMap<string, MemberTree> {}

const leaf: MemberTree = new Map()

/** The position of an array element in the text, with its members if it is an object. */
export interface Element {
  readonly start: number
  readonly end: number
  readonly members: readonly Member[]
}

const quote = 0x22
const backslash = 0x5c
const comma = 0x2c
const colon = 0x3a
const openBrace = 0x7b
const closeBrace = 0x7d
const openBracket = 0x5b
const closeBracket = 0x5d

function skipSpace(text: string, at: number): number {
  let code = text.charCodeAt(at)
  while (code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09) code = text.charCodeAt(++at)
  return at
}

/** Returns the position after the closing quotation mark of the string that begins at `at`. */
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
  return first === openBrace || first === openBracket ? skipContainer(text, at) : skipScalar(text, at)
}

/** Returns the position after the number, `true`, `false` or `null` that begins at `at`. */
function skipScalar(text: string, at: number): number {
  while (at < text.length) {
    const code = text.charCodeAt(at)
    if (code === comma || code === closeBrace || code === closeBracket || code <= 0x20) return at
    at++
  }
  return at
}

/** Returns the position after the object or array that begins at `at`. */
function skipContainer(text: string, at: number): number {
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
 * Returns the deepest nesting of objects and arrays in a text, which need not be valid JSON.
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

/** Returns the number of members of all objects in a text, at any depth, duplicates included. */
export function memberCount(text: string): number {
  let count = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === quote) at = skipString(text, at) - 1
    else if (code === colon) count++
  }
  return count
}

/** Returns the members of the object at or after `at`, in order, duplicates included; none if it is not an object. */
export function members(text: string, at = 0, tree = leaf): Member[] {
  const found: Member[] = []
  readMembers(text, skipSpace(text, at), found, tree)
  return found
}

/** Adds the members of the object at `at`, if there is one; returns the position after it. */
function readMembers(text: string, at: number, found: Member[], tree: MemberTree): number {
  if (text.charCodeAt(at) !== openBrace) return at
  at = skipSpace(text, at + 1)
  while (text.charCodeAt(at) === quote) {
    const nameEnd = skipString(text, at)
    const name = readString(text, at, nameEnd)
    const start = skipSpace(text, skipSpace(text, nameEnd) + 1)
    const inner = text.charCodeAt(start) === openBrace ? tree.get(name) : undefined
    const own: Member[] | undefined = inner === undefined ? undefined : []
    const end = own && inner ? readMembers(text, start, own, inner) : skipValue(text, start)
    found.push({ name, start, end, members: own })
    at = skipSpace(text, end)
    if (text.charCodeAt(at) !== comma) break
    at = skipSpace(text, at + 1)
  }
  return at + 1
}

/** Returns the value of the string from `start` to `end`. */
function readString(text: string, start: number, end: number): string {
  const written = text.slice(start + 1, end - 1)
  return written.includes('\\') ? (JSON.parse(text.slice(start, end)) as string) : written
}

/**
 * Returns the member with an ASCII name; undefined if there is none; `ambiguous` if it is repeated or written in another
 * case, so that some parser could read another one.
 */
export function memberNamed(found: readonly Member[], name: string): Member | undefined | 'ambiguous' {
  const { length } = name
  let member: Member | undefined
  for (const candidate of found) {
    // A name that folds to an ASCII name has the same length, or continues after a NUL.
    if (candidate.name.length !== length && candidate.name.charCodeAt(length) !== 0) continue
    if (candidate.name !== name && foldCase(candidate.name) !== foldCase(name)) continue
    if (member !== undefined || candidate.name !== name) return 'ambiguous'
    member = candidate
  }
  return member
}

/** A piece of a text, and its replacement. */
export interface Replacement {
  readonly start: number
  readonly end: number
  readonly by: string
}

/** Replaces pieces of a text. They must not overlap. */
export function replaced(text: string, replacements: readonly Replacement[]): string {
  let at = 0
  let out = ''
  for (const { start, end, by } of replacements.toSorted((a, b) => a.start - b.start)) {
    out += text.slice(at, start) + by
    at = end
  }
  return out + text.slice(at)
}

/** Returns the value of a member; undefined if it is not a string. */
export function stringOf(text: string, { start, end }: Pick<Member, 'start' | 'end'>): string | undefined {
  return text.charCodeAt(start) === quote ? readString(text, start, end) : undefined
}

/** Returns the elements of the array at or after `at`, in order; none if it is not an array. */
export function elements(text: string, at = 0): Element[] {
  return [...eachElement(text, at)]
}

/** Yields the elements one by one, for arrays that are too long to read at once. */
export function* eachElement(text: string, at = 0): Generator<Element, void> {
  at = skipSpace(text, at)
  if (text.charCodeAt(at) !== openBracket) return
  at = skipSpace(text, at + 1)
  while (at < text.length && text.charCodeAt(at) !== closeBracket) {
    const own: Member[] = []
    const end = text.charCodeAt(at) === openBrace ? readMembers(text, at, own, leaf) : skipValue(text, at)
    yield { start: at, end, members: own }
    at = skipSpace(text, end)
    if (text.charCodeAt(at) !== comma) break
    at = skipSpace(text, at + 1)
  }
}

// oxlint-disable-next-line no-control-regex
const ascii = /^[\0-\x7f]*$/

/**
 * Folds the case of a name as widely as any case-insensitive parser does: besides ASCII letters, the long s, the Kelvin
 * sign, and the dotted and dotless i. A name ends at a NUL, as a C string does.
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
