import { MalformedError } from './malformed.ts'

/** A compiled pattern for names: see parseGlob. */
export interface Glob {
  readonly pattern: string
  /** Code points to match, or one of the wildcards below. */
  readonly tokens: readonly number[]
}

/** The token of `*`. */
export const anyRun = -1
/** The token of `?`. */
export const anyOne = -2
const [star, question, backslash] = [0x2a, 0x3f, 0x5c]

/**
 * Takes a pattern: `*` is any run of characters, also none and also `/`; `?` is exactly one code point; a backslash
 * takes the next character literally; everything else, `[` and `{` too, stands for itself. Case matters.
 * Throws MalformedError for an empty pattern, `**`, a backslash at the end, and half of a surrogate pair.
 */
export function parseGlob(pattern: string): Glob {
  if (pattern === '') throw new MalformedError('a pattern has at least one character')
  if (!pattern.isWellFormed()) throw new MalformedError('a pattern is well-formed Unicode')
  const tokens: number[] = []
  let escaped = false
  for (const character of pattern) {
    const point = character.codePointAt(0)!
    if (escaped) {
      tokens.push(point)
      escaped = false
    } else if (point === backslash) escaped = true
    else if (point === star && tokens.at(-1) === anyRun) {
      throw new MalformedError('`**` means nothing more than `*`, which takes slashes too: write `*`')
    } else if (point === star) tokens.push(anyRun)
    else if (point === question) tokens.push(anyOne)
    else tokens.push(point)
  }
  if (escaped)
    throw new MalformedError(
      'a backslash takes the next character literally, and none follows: write `\\\\` for a backslash',
    )
  return { pattern, tokens }
}

/**
 * Whether the whole text matches. Only the last `*` is ever tried again, so time grows at worst with the product of
 * both lengths, never exponentially.
 */
export function matchGlob({ tokens }: Glob, text: string): boolean {
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

function width(point: number): number {
  return point > 0xffff ? 2 : 1
}
