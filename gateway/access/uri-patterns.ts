import { parseGlob } from '../values/glob.ts'
import { decoded } from './percent-encoding.ts'
import { split } from './uri-parts.ts'

/**
 * Returns the spellings of a pattern that denies: as written, decoded, with scheme and host as URL parsers write them, and
 * in lower case.
 */
export function spellingsOfDeny(pattern: string): readonly string[] {
  const plain = decodedPattern(pattern)
  const { prefix } = split(plain)
  const host = prefix.indexOf('@') + 1
  const lowered = prefix.slice(0, host) + prefix.slice(host).toLowerCase() + plain.slice(prefix.length)
  return distinct(pattern, [plain, canonical(plain), lowered, canonical(lowered)])
}

/**
 * Returns the spellings of a pattern that allows. None may allow more than the pattern says, so characters that separate
 * parts stay encoded, and case changes only where URL parsers change it.
 */
export function spellingsOfAllow(pattern: string): readonly string[] {
  const parts = pattern.split(/(%(?:2f|5c|3f|23|25|2a))/i)
  const plain = parts.map((part, at) => (at % 2 === 1 ? part : decodedPattern(part))).join('')
  return distinct(pattern, [plain, canonical(plain)])
}

function distinct(pattern: string, spellings: readonly string[]): readonly string[] {
  return [...new Set([pattern, ...spellings])].filter(one => one === pattern || isPattern(one))
}

function decodedPattern(pattern: string): string {
  if (!pattern.includes('%') || pattern.includes('\\')) return pattern
  // A decoded wildcard or backslash is literal.
  return decoded(pattern.replaceAll(/%(?:2a|3f|5c)/gi, escape => `\\${decoded(escape)}`))
}

/** Returns a pattern with scheme and host as URL parsers write them; unchanged if it does not spell them out. */
function canonical(pattern: string): string {
  const { prefix } = split(pattern)
  const rest = pattern.slice(prefix.length)
  if (!/^[^/]+:\/\//.test(prefix) || /^[\\?]/.test(rest)) return pattern
  const scheme = prefix.slice(0, prefix.indexOf(':')).toLowerCase()
  if (scheme === 'file') return `file://${prefix.slice(7).replace(/^localhost$/i, '')}${rest}`
  const url = /^(?:https?|wss?|ftp)$/.test(scheme) ? URL.parse(prefix) : null
  return (url === null ? scheme + prefix.slice(scheme.length) : url.href.replace(/\/$/, '')) + rest
}

function isPattern(text: string): boolean {
  try {
    parseGlob(text)
    return true
  } catch {
    return false
  }
}
