import { blanksAround } from './blanks.ts'

/** What a pattern is compared with: a name, a URI, any other text, or the name of a header. */
export type Subject = 'name' | 'prompt' | 'uri' | 'text' | 'header'

/** A pattern in a language other than the globs of `gateway/values/glob.ts`, which match it character by character. */
export interface ForeignPattern {
  /** A clause that says why the pattern does not match what its author expects. */
  readonly why: string
  /** False if a name could contain these characters after all. */
  readonly certain: boolean
}

/** Signs of one language, by what the pattern is compared with. */
interface Language {
  readonly why: string
  /** Signs in names of tools, prompts and methods. MCP names consist of letters, digits, `_`, `-` and `.`; some have `/` or `:`. */
  readonly name?: RegExp
  /** Signs in names of tools and methods only, because prompts may be named in words. */
  readonly tool?: RegExp
  readonly toolPerhaps?: RegExp
  /** Signs that no URI has. */
  readonly uri?: RegExp
  /** Signs that are rare in URIs and URI templates. */
  readonly uriPerhaps?: RegExp
  /** Signs in claims and certificates, whose texts may contain anything. */
  readonly text?: RegExp
  readonly header?: RegExp
}

const regex = 'it is a regular expression, and patterns are globs'

/** Stands for a character behind a backslash, which means itself. */
const literal = '\uE000'

const languages: readonly Language[] = [
  { why: '`!` does not negate a pattern', name: /^!/, uri: /^!/, text: /^!/, header: /^!/ },
  {
    why: 'its quotation marks are part of the pattern',
    name: /^["'`“”‘’«].*["'`“”‘’»]$/s,
    uri: /^["'`“”‘’«].*["'`“”‘’»]$/s,
    text: /^["'`“”‘’«].*["'`“”‘’»]$/s,
  },
  {
    why: regex,
    name: /^\^|^\(\?|^\/.*\/[a-z]*$|\$$/s,
    uri: /^\/?\^|^\/?\(\?|\.[*+]\$$|^\.[*+]/,
    text: /^\/?\^|^\(\?|\.[*+]\$$|^\.[*+]/,
    header: /^\^|\$$|^\.\*/,
  },
  {
    why: 'its first word is part of the pattern',
    name: /^(?:re|regexp?|rx|glob|prefix|suffix|exact|contains)[:=]|^~/i,
    uriPerhaps: /^(?:re|regexp?|rx|glob|prefix|suffix|exact|contains)[:=]|^~/i,
    text: /^(?:re|regexp?|rx|glob):/i,
  },
  { why: regex, name: /(?:^|[_/:)\]-])\.[*+]|\.\+|[)\]][+?]|\)\*/, uri: /^[a-z]+\?:/i },
  {
    why: 'a backslash before a letter or digit means that letter or digit',
    name: /\\[A-Za-z0-9]/,
    uri: /\\[A-Za-z0-9]/,
    text: /\\[dDwWsSbB]/,
  },
  {
    why: 'a pattern has no alternatives in braces',
    name: /\{[^{},]*,[^{}]*\}/,
    uriPerhaps: /\{[^{},]*,[^{}]*\}/,
    text: /\{[^{},]*,[^{}]*\}/,
  },
  { why: 'a pattern has no placeholders', name: /\{[^{}]*\}|<[^<>]*>/ },
  {
    why: 'a pattern has no alternatives with `|`',
    name: /\|/,
    uri: /\|[a-z][a-z0-9+.-]*:/i,
    uriPerhaps: /\|/,
    header: /\|/,
  },
  { why: 'a pattern has no character classes in brackets', name: /\[[^[\]]+\]/, uriPerhaps: /\[[^[\]]+\]/ },
  { why: 'a pattern has no groups in parentheses', name: /\([^()]*\)/ },
  {
    why: 'it is several patterns in one text',
    name: /[,;]/,
    tool: /\*\s+\S|\S\s+\S*\*/,
    uri: /[,;\s][a-z][a-z0-9+.-]*:\/\//i,
  },
  { why: '`%` is not a wildcard', name: /%/, uriPerhaps: /^%|%$/ },
  { why: 'its star is not the character `*`', name: /[＊∗﹡✱]/, uri: /[＊∗﹡✱]/, text: /[＊∗﹡✱]/ },
  { why: 'names do not contain spaces', toolPerhaps: /\S\s+\S/ },
  {
    why: '`mcp__` and the name of a server are added by some clients, and are not part of the name',
    toolPerhaps: /^mcp__/,
  },
]

/** Patterns without any sign, which are nearly all. A configuration may have a hundred thousand. */
const plain: Readonly<Partial<Record<Subject, RegExp>>> = {
  name: /^[A-Za-ln-z0-9*?][A-Za-z0-9_*?/-]*$/,
  uri: /^[a-z][a-z0-9+-]*:\/\/[A-Za-z0-9_*?./=&~:-]*$/,
}

/** Recognizes a pattern of another language, such as `!delete_*`, `^get_.*$`, `{get,list}_*` or `get_*, list_*`. */
export function recognizeForeign(pattern: string, subject: Subject): ForeignPattern | undefined {
  if (plain[subject]?.test(pattern)) return undefined
  const blank = blanksAround(pattern)
  if (blank !== undefined && subject !== 'header') {
    return { why: `it begins or ends with ${blank}`, certain: subject !== 'text' }
  }
  const text = pattern.replaceAll(/\\[^A-Za-z0-9]/gsu, literal)
  if (subject === 'name' || subject === 'prompt') return ofName(text, subject)
  if (subject !== 'uri') return ofText(text, subject)
  const uri = withoutAddress(text)
  return (
    find(uri, 'uri', true) ??
    find(uri, 'uriPerhaps', false) ??
    (beginsLikeUri(text)
      ? undefined
      : { why: 'resources are matched by their URI, which begins with a scheme', certain: false })
  )
}

function ofName(text: string, subject: 'name' | 'prompt'): ForeignPattern | undefined {
  // Commas, brackets and the like may be the punctuation of words.
  const hasWords = /[^,;|\s]\s+\S/.test(text)
  if (subject === 'name') {
    const certain = !hasWords || /^[!^~"'/]|\*/.test(text)
    return find(text, 'name', certain) ?? find(text, 'tool', certain) ?? find(text, 'toolPerhaps', false)
  }
  return find(text, 'name', !hasWords && !(/[,;]/.test(text) && !/[*?_]/.test(text)))
}

function ofText(text: string, subject: 'text' | 'header'): ForeignPattern | undefined {
  return find(text, subject, false)
}

function find(
  text: string,
  signs: Exclude<keyof Language, 'why'>,
  certain: boolean,
): ForeignPattern | undefined {
  const language = languages.find(one => one[signs]?.test(text) === true)
  return language && { why: language.why, certain }
}

/** Returns a URI without its host if that is an IPv6 address, which is in brackets. */
function withoutAddress(uri: string): string {
  return uri.replace(/^([a-z][a-z0-9+.-]*:\/\/)(?:[^/@[\]]*@)?\[[0-9a-f:.*?]+\]/i, '$1')
}

/** Returns whether a pattern for resources can match a text that begins with a scheme (RFC 3986 §3.1). */
function beginsLikeUri(text: string): boolean {
  // A URI template may begin with an expression.
  if (text.startsWith('{')) return true
  const [, beginning = '', next] = /^([^*:]*)(.?)/s.exec(text)!
  return next === '*'
    ? /^(?:[a-z?\uE000][a-z0-9+.?\uE000-]*)?$/i.test(beginning)
    : next === ':' && /^[a-z?\uE000][a-z0-9+.?\uE000-]*$/i.test(beginning)
}
