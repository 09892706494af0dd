import { resolveDotSegments, textOf, type UriParts } from './uri-parts.ts'

/** A URI as rewritten by a server that ignores or changes a part of it. */
export interface UriRewrite {
  readonly parts: UriParts
  /** The URI before the rewrite. */
  readonly from: string
  /** How many characters of `from` a rule must spell out to allow the rewritten one. */
  readonly length: number
}

/**
 * Returns the rewrites of a URI by servers that ignore or change a part of it.
 *
 * @param text the URI in one piece
 */
export function rewritesOf(form: UriParts, text: string): UriRewrite[] {
  const found: UriRewrite[] = []
  ignoreQueryAndFragment(form, text, found)
  toggleRootPath(form, text, found)
  ignoreLastSlash(form, text, found)
  ignorePathParameters(form, text, found)
  changeAuthority(form, text, found)
  return found
}

function ignoreQueryAndFragment(form: UriParts, from: string, found: UriRewrite[]): void {
  const { prefix, path, query, fragment } = form
  if (prefix === '') return
  if (fragment !== undefined) {
    const length = textOf({ ...form, fragment: '' }).length
    found.push({ parts: { ...form, fragment: undefined }, from, length })
  }
  if (query === undefined) return
  const length = prefix.length + path.length + 1
  found.push({ parts: bare(form), from, length }, { parts: { ...form, query: undefined }, from, length })
  if (query.includes('+')) {
    found.push({ parts: { ...form, query: query.replaceAll('+', ' ') }, from, length })
  }
}

/** Servers add a root path that is missing, so a rule that denies one spelling denies the other. */
function toggleRootPath(form: UriParts, from: string, found: UriRewrite[]): void {
  if (!isRoot(form) || authorityOf(form) === null) return
  const path = otherRoot(form)
  found.push(
    { parts: { ...form, path }, from, length: 0 },
    { parts: { ...bare(form), path }, from: textOf(bare(form)), length: 0 },
  )
}

/** File systems and Go's `path.Clean` treat a folder the same with and without its last slash. */
function ignoreLastSlash(form: UriParts, from: string, found: UriRewrite[]): void {
  const { prefix, path, query, fragment } = form
  if (path.length <= 1 || !path.endsWith('/')) return
  const parts = { ...bare(form), path: withoutLastSlashes(path) }
  const length = query === undefined && fragment === undefined ? 0 : prefix.length + path.length
  found.push({ parts, from, length })
}

function ignorePathParameters(form: UriParts, from: string, found: UriRewrite[]): void {
  const { prefix, path } = form
  if (!path.includes(';')) return
  const length = prefix.length + path.length
  const without = path.replaceAll(/;[^/]*/g, '')
  for (const collapse of [false, true]) {
    found.push({ parts: { ...bare(form), path: resolveDotSegments(without, collapse) }, from, length })
  }
}

function changeAuthority(form: UriParts, from: string, found: UriRewrite[]): void {
  const { prefix: before, query, fragment } = form
  const { length } = before
  const pathAlone = bare(form)
  for (const prefix of otherPrefixes(form)) {
    found.push({ parts: { ...form, prefix }, from, length })
    if (isRoot(form)) {
      found.push({
        parts: { ...pathAlone, prefix, path: otherRoot(form) },
        from: textOf(pathAlone),
        length,
      })
    }
    if (before !== '' && (query !== undefined || fragment !== undefined)) {
      found.push({ parts: { ...pathAlone, prefix }, from: textOf(pathAlone), length })
    }
  }
}

/** Returns the prefixes of servers that ignore the user, the port, a final dot, the host of a file, or case. */
function otherPrefixes(form: UriParts): ReadonlySet<string> {
  const { prefix, path } = form
  const prefixes = new Set<string>()
  const authority = authorityOf(form)
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
  return prefixes
}

function authorityOf({ prefix }: UriParts): RegExpExecArray | null {
  return /^([^:]+:\/\/)([^/]*)$/s.exec(prefix)
}

/** Returns a URI without its query and fragment. */
function bare({ prefix, path }: UriParts): UriParts {
  return { prefix, path, query: undefined, fragment: undefined }
}

function isRoot({ path }: UriParts): boolean {
  return path === '' || path === '/'
}

function otherRoot({ path }: UriParts): string {
  return path === '' ? '/' : ''
}

function withoutLastSlashes(path: string): string {
  let end = path.length
  while (end > 1 && path[end - 1] === '/') end -= 1
  return path.slice(0, end)
}
