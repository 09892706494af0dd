import { decoded, decodedRun } from './percent-encoding.ts'
import { resolveDotSegments, split, textOf, withSlashes, type UriParts } from './uri-parts.ts'

/** Largest number of ways to split one URI; a URI that has more is refused. */
const maxForms = 32
/** How often percent-encoding is decoded; a URI that still changes after that is refused. */
const maxDecodings = 3

/** A way to split a URI, and how often it was decoded for that. */
interface Form extends UriParts {
  readonly decodings: number
}

/** The forms that were found; those that are not yet expanded follow at the end. */
interface Forms {
  readonly seen: Set<string>
  readonly list: Form[]
}

/**
 * Returns every form that normalizing, decoding and splitting a URI can produce, in any order.
 *
 * @param maxUnits of UTF-16 in all forms together
 * @returns undefined for a URI that is too ambiguous to judge
 */
export function formsOf(uri: string, maxUnits: number): readonly UriParts[] | undefined {
  const forms: Forms = { seen: new Set(), list: [] }
  add(forms, split(uri), 0)
  // Some parsers end the authority at a backslash, some do not.
  add(forms, split(uri, true), 0)
  let units = 0
  for (const form of forms.list) {
    const text = textOf(form)
    units += text.length
    if (units > maxUnits || forms.list.length > maxForms || isUnreadable(form, text)) return undefined
    normalize(form, text, forms)
    if (!decode(form, text, forms)) return undefined
  }
  return forms.list
}

function add({ seen, list }: Forms, parts: UriParts, decodings: number): void {
  const key = [parts.prefix, parts.path, parts.query ?? '\n', parts.fragment ?? '\n'].join('\0')
  if (seen.has(key)) return
  seen.add(key)
  list.push({ ...parts, decodings })
}

/** Whether a form has escapes that are not UTF-8, `%u0041`, or control characters. */
function isUnreadable({ prefix, path }: UriParts, text: string): boolean {
  if (/%u[0-9a-f]{4}|%0[0-8bcef]|%1[0-9a-f]|%7f/i.test(text)) return true
  // Tabs and line breaks are text in a query and in `data:`, but some servers drop them from the path of a file.
  if (prefix.includes('//') && /%0[9ad]/i.test(prefix + path)) return true
  return text.match(/(?:%[0-9a-f]{2})+/gi)?.some(run => decodedRun(run) === undefined) === true
}

/** Adds the forms that parsers make of a form without decoding it. */
function normalize(form: Form, text: string, forms: Forms): void {
  const { prefix, path, decodings } = form
  // A decoded path may contain what looks like a query.
  add(forms, split(text), decodings)
  const url = URL.parse(text)
  // A URL parser adds the root path; that is not another resource.
  if (url !== null && url.href !== `${text}/`) add(forms, split(url.href), decodings)
  if (path.includes('\\') || prefix.includes('\\')) {
    add(forms, split(textOf({ ...form, prefix: withSlashes(prefix), path: withSlashes(path) })), decodings)
    add(forms, { ...form, path: withSlashes(path) }, decodings)
  }
  for (const whole of pathsWithTail(form)) {
    add(forms, { prefix, path: whole, query: undefined, fragment: undefined }, decodings)
  }
  add(forms, { ...form, path: resolveDotSegments(path, false) }, decodings)
  add(forms, { ...form, path: resolveDotSegments(path, true) }, decodings)
}

/** Adds the form decoded once more; returns false for a form that was decoded too often. */
function decode(form: Form, text: string, forms: Forms): boolean {
  const next: UriParts = {
    prefix: decoded(form.prefix),
    path: decoded(form.path),
    query: form.query && decoded(form.query),
    fragment: form.fragment && decoded(form.fragment),
  }
  if (textOf(next) === text) return true
  if (form.decodings === maxDecodings) return false
  add(forms, next, form.decodings + 1)
  add(forms, { ...next, prefix: form.prefix }, form.decodings + 1)
  return true
}

/** Returns the paths for servers to which `?` and `#` are ordinary characters: dot segments after them lead elsewhere. */
function pathsWithTail({ path, query, fragment }: UriParts): string[] {
  const tail = textOf({ prefix: '', path: '', query, fragment })
  if (!/[/\\]\.\.?(?:[/\\]|$)/.test(tail)) return []
  const whole = path + tail
  return [whole, withSlashes(whole)].flatMap(one => [
    resolveDotSegments(one, false),
    resolveDotSegments(one, true),
  ])
}
