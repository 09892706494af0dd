import { parseGlob } from '../values/glob.ts'
import { decoded } from './uri-variants.ts'
import { split } from './uri-parts.ts'

/** Returns a pattern of URIs, the same decoded, and that with scheme and host as URL parsers write them, and in lower case. */
export function spellingsOfDeny(pattern: string): readonly string[] {
  const plain = decodedPattern(pattern)
  const { prefix } = split(plain)
  const host = prefix.indexOf('@') + 1
  const lowered = prefix.slice(0, host) + prefix.slice(host).toLowerCase() + plain.slice(prefix.length)
  return distinct(pattern, [plain, canonical(plain), lowered, canonical(lowered)])
}

/**
 * Returns the same for a pattern that allows, as far as it then allows no more than it says: what separates parts stays
 * encoded, and case stays where parsers keep it.
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
  // What a wildcard or a backslash is decoded to stands for itself.
  return decoded(pattern.replaceAll(/%(?:2a|3f|5c)/gi, escape => `\\${decoded(escape)}`))
}

/** A pattern with its scheme and host as URL parsers write them; as it is where these are not spelled out. */
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
