import { whyMalformed } from '../../values/formats.ts'
import { withoutBlanks } from './blanks.ts'
import { recognizeForeign, type Subject } from './foreign-pattern.ts'

/** Largest number of patterns to suggest. */
const maxPatterns = 4

/** Returns the globs that mean the same as a pattern of another language; none if that is not clear. A leading `!` is dropped. */
export function suggestGlobs(pattern: string, subject: Subject): string[] {
  const bare = withoutBlanks(pattern)
  // In a URI, brackets may be a part of a path, such as `[id]`.
  if (subject === 'uri' && /\[\w+\]/.test(bare)) return []
  const whole =
    bare.startsWith('/') && subject === 'uri' ? `file://${bare}` : withoutRegex(withoutAnchors(bare), subject)
  const globs = [...new Set(splitList(whole, subject).flatMap(expand))].map(one =>
    withoutBlanks(one).replaceAll(/\*{2,}/g, '*'),
  )
  const isClear = globs.every(
    one =>
      one !== '' &&
      one !== pattern &&
      whyMalformed('glob', one) === undefined &&
      recognizeForeign(one, subject) === undefined,
  )
  return isClear && globs.length <= maxPatterns ? globs : []
}

/** Returns a pattern without what only encloses it. A regular expression without an anchor matches anything there. */
function withoutAnchors(pattern: string): string {
  const inner = withoutPrefix(pattern)
  const [begins, ends] = [inner.startsWith('^'), inner.endsWith('$')]
  const isRegex = begins || ends || pattern.startsWith('/')
  const [before, after] = [isRegex && !begins ? '*' : '', isRegex && !ends ? '*' : '']
  return before + inner.slice(begins ? 1 : 0, ends ? -1 : undefined) + after
}

function withoutPrefix(pattern: string): string {
  return pattern
    .replace(/^["'`“”‘’«](.*)["'`“”‘’»]$/s, '$1')
    .replace(/^!/, '')
    .replace(/^(?:re|regexp?|rx|glob|prefix|suffix|exact|contains)[:=]\s*/i, '')
    .replace(/^~\*?\s*/, '')
    .replace(/^\/(.+)\/[a-z]*$/s, '$1')
    .replace(/^\(\?[a-z]+\)/, '')
    .replace(/^mcp__[A-Za-z0-9-]+__/, '')
}

function withoutRegex(pattern: string, subject: Subject): string {
  const text = pattern
    .replaceAll(/[＊∗﹡✱]/g, '*')
    .replaceAll(/\\[dwsDWS][*+?]?/g, '*')
    .replaceAll(/\\([^A-Za-z0-9*?\\])/g, '$1')
    .replaceAll(/\.[*+]\??/g, '*')
    .replaceAll(/\[\w-\w\]\*|\[[^[\]]+\]\+/g, '*')
  if (subject === 'uri') return text.replaceAll(/^%|%$/g, '*').replace(/^([a-z]+)([a-z])\?:/i, '{$1,$1$2}:')
  return text.replaceAll('%', '*').replaceAll(/\{[A-Za-z_][\w-]*\}|<[A-Za-z_][\w -]*>/g, '*')
}

/** Splits a list at commas, bars and spaces outside braces and parentheses. */
function splitList(text: string, subject: Subject): string[] {
  if (subject === 'uri') return splitAt(text.replaceAll(/[,;\s](?=[a-z][a-z0-9+.-]*:\/\/)/gi, '|'), /\|/)
  return splitAt(
    text,
    /\*\s+[^\s,;|]|[^\s,;|]\s+\S*\*/.test(text) && subject === 'name' ? /[,;|\s]/ : /[,;|]/,
  )
}

function splitAt(text: string, separators: RegExp): string[] {
  const parts = ['']
  let depth = 0
  for (const character of text) {
    if (/[{([]/.test(character)) depth += 1
    if (/[})\]]/.test(character)) depth -= 1
    if (depth === 0 && separators.test(character)) parts.push('')
    else parts[parts.length - 1] += character
  }
  return parts.map(part => withoutBlanks(part).replace(/[,;]$/, '')).filter(part => part !== '')
}

/** Expands alternatives, until there are too many. */
function expand(text: string): string[] {
  const globs = [text]
  for (let at = 0; at < globs.length && globs.length <= maxPatterns;) {
    const [whole, braces, group, characters] =
      /\{([^{},]*,[^{}]*)\}|[@?+!]?\((?:\?:)?([^()]*)\)|\[([A-Za-z0-9_]{1,4})\]/.exec(globs[at]!) ?? []
    if (whole === undefined) at += 1
    else {
      const ways = braces?.split(',') ?? group?.split('|') ?? [...characters!]
      globs.splice(at, 1, ...ways.map(way => globs[at]!.replace(whole, () => way)))
    }
  }
  return globs
}
