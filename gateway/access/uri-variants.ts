import { cleaned, split, textOf, type UriParts } from './uri-parts.ts'

/** A URI that a server may take another for. */
export interface UriVariant {
  readonly text: string
  /** Set where a part was left out or changed: the variant before that, and how far a rule must spell it out to allow it. */
  readonly from?: { readonly text: string; readonly length: number }
}

/** Largest number of ways to take one URI apart; one that has more is refused. */
const maxForms = 32
/** Largest number of variants of one URI, and of UTF-16 code units in all of them: all are matched with every rule. */
const maxVariants = 64
const maxUnits = 65_536
/** Times that percent signs are decoded; a URI that still changes then is refused. */
const maxDecodings = 3

/** Characters in an order that every parser takes for the same: no escapes, dot segments, parts or capitals to fold. */
const plain =
  /^(?!(?:https?|wss?|ftp|file):)[a-z][a-z0-9+.-]*:(?:\/\/[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|[\w~!$&'()*+,=:-][\w.~!$&'()*+,=:-]*)(?:\/(?![./])[\w.~!$&'()*+,=:-]+)*$/
const plainFile = /^file:\/\/(?:\/(?![./])[\w.~!$&'()*+,=:-]+)+$/

/**
 * Returns every variant of a URI: as it is written, as URL parsers normalise it, decoded once or more, with and without
 * what servers ignore. The first is the URI itself. Time and number are bounded.
 *
 * @returns undefined where it is too ambiguous to judge: escapes that are not UTF-8, control characters, `%u0041`, too many variants
 */
export function variantsOf(uri: string): readonly UriVariant[] | undefined {
  if (isPlain(uri)) return [{ text: uri }]
  const forms = formsOf(uri)
  if (forms === undefined) return undefined
  const variants = new Map<string, UriVariant>([[uri, { text: uri }]])
  for (const form of forms) {
    const text = textOf(form)
    if (!variants.has(text)) variants.set(text, { text })
  }
  for (const form of forms) {
    const before = textOf(form)
    for (const [parts, length, from = before] of reduced(form)) {
      const text = textOf(parts)
      if (!variants.has(text)) variants.set(text, { text, from: { text: from, length } })
    }
  }
  let units = 0
  for (const { text } of variants.values()) units += text.length
  return variants.size > maxVariants || units > maxUnits ? undefined : [...variants.values()]
}

/** Whether a URI has one variant only, so that judging it costs little. */
export function isPlain(uri: string): boolean {
  return plain.test(uri) || (plainFile.test(uri) && !/:$|\|/.test(uri))
}

/** Decodes percent-encoding once, escape by escape. Malformed escapes, and those that are not UTF-8, stay as they are. */
export function decoded(text: string): string {
  if (!text.includes('%')) return text
  return text.replaceAll(/(?:%[0-9a-f]{2})+/gi, run => decodedRun(run) ?? run)
}

function decodedRun(run: string): string | undefined {
  try {
    return decodeURIComponent(run)
  } catch {
    return undefined
  }
}

function isUnreadable(text: string): boolean {
  if (/%u[0-9a-f]{4}|%0[0-8bcef]|%1[0-9a-f]|%7f/i.test(text)) return true
  return text.match(/(?:%[0-9a-f]{2})+/gi)?.some(run => decodedRun(run) === undefined) === true
}

/** Everything that normalising, decoding and taking apart, in any order, makes of a URI. */
function formsOf(uri: string): readonly UriParts[] | undefined {
  const found = new Map<string, UriParts & { readonly decodings: number }>()
  const queue: (UriParts & { readonly decodings: number })[] = []
  const add = (parts: UriParts, decodings: number): void => {
    const key = [parts.prefix, parts.path, parts.query ?? '\n', parts.fragment ?? '\n'].join('\0')
    if (found.has(key)) return
    const form = { ...parts, decodings }
    found.set(key, form)
    queue.push(form)
  }
  add(split(uri), 0)
  // Some parsers end the authority at a backslash, some do not.
  add(split(uri, true), 0)
  let units = 0
  for (const form of queue) {
    const { decodings } = form
    const text = textOf(form)
    units += text.length
    if (units > maxUnits) return undefined
    if (found.size > maxForms || isUnreadable(text)) return undefined
    // Tabs and line breaks are text in a query, and in `data:`, and nothing in the path of a file.
    if (form.prefix.includes('//') && /%0[9ad]/i.test(form.prefix + form.path)) return undefined
    // After decoding, what looked like a part of the path may look like a query.
    add(split(text), decodings)
    const url = URL.parse(text)
    // The root path that a URL parser adds is not another resource.
    if (url !== null && url.href !== `${text}/`) add(split(url.href), decodings)
    if (form.path.includes('\\') || form.prefix.includes('\\')) {
      const { prefix, path } = form
      add(split(textOf({ ...form, prefix: slashes(prefix), path: slashes(path) })), decodings)
      add({ ...form, path: slashes(path) }, decodings)
    }
    for (const path of pathsWithTail(form)) {
      add({ ...form, path, query: undefined, fragment: undefined }, decodings)
    }
    add({ ...form, path: cleaned(form.path, false) }, decodings)
    add({ ...form, path: cleaned(form.path, true) }, decodings)
    const next: UriParts = {
      prefix: decoded(form.prefix),
      path: decoded(form.path),
      query: form.query && decoded(form.query),
      fragment: form.fragment && decoded(form.fragment),
    }
    if (textOf(next) === text) continue
    if (decodings === maxDecodings) return undefined
    add(next, decodings + 1)
    add({ ...next, prefix: form.prefix }, decodings + 1)
  }
  return [...found.values()]
}

type Reduced = readonly [parts: UriParts, length: number, from?: string]

/** What servers make of a URI that ignore a part of it: what it is then, up to where a rule must spell it out, and in which text. */
function reduced(form: UriParts): Reduced[] {
  const { prefix, path, query, fragment } = form
  const authority = /^([^:]+:\/\/)([^/]*)$/s.exec(prefix)
  const found: Reduced[] = []
  const upToPath = prefix.length + path.length
  const bare: UriParts = { prefix, path, query: undefined, fragment: undefined }
  if (prefix !== '' && fragment !== undefined)
    found.push([{ ...form, fragment: undefined }, textOf({ ...form, fragment: '' }).length])
  if (prefix !== '' && query !== undefined) {
    found.push([bare, upToPath + 1], [{ ...form, query: undefined }, upToPath + 1])
    if (query.includes('+')) found.push([{ ...form, query: query.replaceAll('+', ' ') }, upToPath + 1])
  }
  // The root is there where it is not written: a rule that denies the one denies the other.
  if (authority !== null && (path === '' || path === '/')) {
    const other = path === '' ? '/' : ''
    found.push([{ ...form, path: other }, 0], [{ ...bare, path: other }, 0, textOf(bare)])
  }
  // File systems and `path.Clean` take a folder with its slash for the same without it.
  if (path.length > 1 && path.endsWith('/')) {
    const folder = { ...bare, path: withoutLastSlashes(path) }
    found.push([folder, query === undefined && fragment === undefined ? 0 : upToPath])
  }
  if (path.includes(';'))
    for (const collapse of [false, true])
      found.push([{ ...bare, path: cleaned(path.replaceAll(/;[^/]*/g, ''), collapse) }, upToPath])
  const prefixes = new Set<string>()
  if (authority !== null) {
    const [, scheme = '', whole = ''] = authority
    const host = whole.slice(whole.lastIndexOf('@') + 1)
    for (const one of [whole, host, host.replace(/\.?(?::\d*)?$/, '')]) {
      prefixes.add(scheme + one)
      prefixes.add(scheme.toLowerCase() + one)
    }
    if (/^file:/i.test(scheme)) prefixes.add(scheme)
    if (whole === '') prefixes.add(scheme.slice(0, -2))
  } else if (prefix !== '' && path.startsWith('/')) prefixes.add(`${prefix}//`)
  for (const one of [prefix, ...prefixes]) prefixes.add(one.toLowerCase())
  prefixes.delete(prefix)
  for (const one of prefixes) {
    found.push([{ ...form, prefix: one }, prefix.length])
    if (path === '' || path === '/')
      found.push([{ ...bare, prefix: one, path: path === '' ? '/' : '' }, prefix.length, textOf(bare)])
    if (prefix !== '' && (query !== undefined || fragment !== undefined))
      found.push([{ ...bare, prefix: one }, prefix.length, textOf(bare)])
  }
  return found
}

/** A path to which `?` and `#` are characters like others, where dot segments after them lead elsewhere. */
function pathsWithTail({ path, query, fragment }: UriParts): string[] {
  const tail = textOf({ prefix: '', path: '', query, fragment })
  if (!/[/\\]\.\.?(?:[/\\]|$)/.test(tail)) return []
  const whole = path + tail
  return [whole, slashes(whole)].flatMap(one => [cleaned(one, false), cleaned(one, true)])
}

function withoutLastSlashes(path: string): string {
  let end = path.length
  while (end > 1 && path[end - 1] === '/') end -= 1
  return path.slice(0, end)
}

function slashes(text: string): string {
  return text.replaceAll('\\', '/')
}
