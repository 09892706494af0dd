/** The parts of a URI (RFC 3986, appendix B). Each is decoded on its own, so it can contain what separates parts. */
export interface UriParts {
  /** Scheme and authority, such as `file://`; empty without a scheme. */
  readonly prefix: string
  readonly path: string
  readonly query: string | undefined
  readonly fragment: string | undefined
}

const endedByBackslash = /^([a-z][a-z0-9+.-]*:(?:\/\/[^/\\?#]*)?)?(.*)$/is
const endedBySlash = /^([a-z][a-z0-9+.-]*:(?:\/\/[^/?#]*)?)?(.*)$/is

/**
 * Splits a URI into its parts. Every text has parts.
 *
 * @param backslashes whether the authority may contain backslashes
 */
export function split(uri: string, backslashes = false): UriParts {
  const [, prefix = '', rest = ''] = (backslashes ? endedBySlash : endedByBackslash).exec(uri)!
  const hash = rest.indexOf('#')
  const before = hash === -1 ? rest : rest.slice(0, hash)
  const mark = before.indexOf('?')
  return {
    prefix,
    path: mark === -1 ? before : before.slice(0, mark),
    query: mark === -1 ? undefined : before.slice(mark + 1),
    fragment: hash === -1 ? undefined : rest.slice(hash + 1),
  }
}

/** Joins the parts of a URI. */
export function textOf({ prefix, path, query, fragment }: UriParts): string {
  const search = query === undefined ? '' : `?${query}`
  return prefix + path + search + (fragment === undefined ? '' : `#${fragment}`)
}

/**
 * Resolves the dot segments of a path.
 *
 * @param collapse whether to treat several slashes as one first, as file systems do
 */
export function resolveDotSegments(path: string, collapse: boolean): string {
  if (!/\/\/|(?:^|\/)\.\.?(?:\/|$)/.test(path)) return path
  const isRooted = path.startsWith('/')
  const kept: string[] = []
  const segments = path.slice(isRooted ? 1 : 0).split('/')
  for (const [index, segment] of segments.entries()) {
    const isLast = index === segments.length - 1
    if (segment === '..' && !isRooted && hasNoParent(kept)) {
      kept.push('..')
    } else if (segment === '.' || segment === '..') {
      if (segment === '..') kept.pop()
      if (isLast) kept.push('')
    } else if (segment !== '' || !collapse || isLast) kept.push(segment)
  }
  return (isRooted ? '/' : '') + kept.join('/')
}

function hasNoParent(segments: readonly string[]): boolean {
  const last = segments.at(-1)
  return last === undefined || last === '..'
}

/** Replaces backslashes by slashes. */
export function withSlashes(text: string): string {
  return text.replaceAll('\\', '/')
}
