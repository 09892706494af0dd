/** A URI taken apart (RFC 3986, appendix B): its parts decoded on their own can hold what would separate them. */
export interface UriParts {
  /** Scheme and authority, such as `file://`; empty where there is no scheme. */
  readonly prefix: string
  readonly path: string
  readonly query: string | undefined
  readonly fragment: string | undefined
}

const endedByBackslash = /^([a-z][a-z0-9+.-]*:(?:\/\/[^/\\?#]*)?)?(.*)$/is
const endedBySlash = /^([a-z][a-z0-9+.-]*:(?:\/\/[^/?#]*)?)?(.*)$/is

/**
 * Takes a URI apart; every text has parts.
 *
 * @param backslashes may stand in the authority
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

/** Puts a URI together. */
export function textOf({ prefix, path, query, fragment }: UriParts): string {
  const search = query === undefined ? '' : `?${query}`
  return prefix + path + search + (fragment === undefined ? '' : `#${fragment}`)
}

/**
 * Resolves dot segments.
 *
 * @param collapse takes several slashes for one, as file systems do, before that
 */
export function cleaned(path: string, collapse: boolean): string {
  if (!/\/\/|(?:^|\/)\.\.?(?:\/|$)/.test(path)) return path
  const isRooted = path.startsWith('/')
  const kept: string[] = []
  const segments = path.slice(isRooted ? 1 : 0).split('/')
  for (const [index, segment] of segments.entries()) {
    const isLast = index === segments.length - 1
    if (segment === '..' && !isRooted && (kept.at(-1) ?? '..') === '..') {
      kept.push('..')
      continue
    }
    if (segment === '..') kept.pop()
    if (segment === '.' || segment === '..') {
      if (isLast) kept.push('')
    } else if (segment !== '' || !collapse || isLast) kept.push(segment)
  }
  return (isRooted ? '/' : '') + kept.join('/')
}
