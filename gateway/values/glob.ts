import { MalformedError } from './malformed.ts'

/** A compiled pattern; see parseGlob. */
export interface Glob {
  readonly pattern: string
  /** Code points to match, or one of the wildcards below. */
  readonly tokens: readonly number[]
  /** Texts before, between and after the runs; undefined for a pattern with `?`. */
  readonly literals: readonly string[] | undefined
}

/** The token of `*`. */
export const anyRun = -1
/** The token of `?`. */
export const anyOne = -2
const [star, question, backslash] = [0x2a, 0x3f, 0x5c]

/**
 * Compiles a pattern. `*` matches any run of characters, including none and including `/`; `?` matches exactly one code
 * point; a backslash makes the next character literal; everything else, including `[` and `{`, matches itself. Case
 * matters.
 *
 * @throws MalformedError for an empty pattern, `**`, a backslash at the end, and half of a surrogate pair
 */
export function parseGlob(pattern: string): Glob {
  if (pattern === '')
    throw new MalformedError('an empty pattern', 'write at least one character, such as `get_*`')
  if (!pattern.isWellFormed())
    throw new MalformedError('not well-formed Unicode', 'remove the lone surrogate')
  const tokens: number[] = []
  let escaped = false
  for (const character of pattern) {
    const point = character.codePointAt(0)!
    if (escaped) {
      tokens.push(point)
      escaped = false
    } else if (point === backslash) escaped = true
    else if (point === star && tokens.at(-1) === anyRun) {
      throw new MalformedError('not a valid pattern', 'write `*` instead of `**`: it matches slashes too')
    } else if (point === star) tokens.push(anyRun)
    else if (point === question) tokens.push(anyOne)
    else tokens.push(point)
  }
  if (escaped)
    throw new MalformedError('a pattern that ends in a lone backslash', 'write `\\\\` to match a backslash')
  return { pattern, tokens, literals: tokens.includes(anyOne) ? undefined : literalsOf(tokens) }
}

function literalsOf(tokens: readonly number[]): string[] {
  const literals = ['']
  for (const token of tokens) {
    if (token === anyRun) literals.push('')
    else literals[literals.length - 1] += String.fromCodePoint(token)
  }
  return literals
}

/**
 * Returns whether the whole text matches. Only the last `*` is ever retried, so the time is at worst the product of both
 * lengths, never exponential.
 */
export function matchGlob({ tokens, literals }: Glob, text: string): boolean {
  if (literals !== undefined) return matchLiterals(literals, text)
  let [at, token] = [0, 0]
  let [retryAt, retryToken] = [0, -1]
  while (at < text.length) {
    const wanted = tokens[token]
    const point = text.codePointAt(at)!
    if (wanted === anyRun) {
      token += 1
      if (token === tokens.length) return true
      retryToken = token
      retryAt = at
    } else if (wanted === anyOne || wanted === point) {
      token += 1
      at += width(point)
    } else if (retryToken !== -1) {
      retryAt += width(text.codePointAt(retryAt)!)
      at = retryAt
      token = retryToken
    } else return false
  }
  return token === tokens.length || (token === tokens.length - 1 && tokens[token] === anyRun)
}

/** Does the same for patterns without `?`. Searching for whole texts is much faster than comparing characters. */
function matchLiterals(literals: readonly string[], text: string): boolean {
  const first = literals[0]!
  const final = literals.length - 1
  if (final === 0) return text === first
  const last = literals[final]!
  const end = text.length - last.length
  if (end < first.length || !text.startsWith(first) || !text.endsWith(last)) return false
  let at = first.length
  for (let index = 1; index < final; index++) {
    const literal = literals[index]!
    const found = text.indexOf(literal, at)
    if (found === -1) return false
    at = found + literal.length
    if (at > end) return false
  }
  return true
}

function width(point: number): number {
  return point > 0xffff ? 2 : 1
}
