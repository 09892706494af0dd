import type { AuthMethod, Proxy } from '../../../schema/config.ts'
import { schemeOf } from '../../values/api-key-place.ts'
import { takesTokens } from '../../values/auth-type.ts'
import { endpointPath } from '../../values/endpoint-path.ts'
import type { Path } from '../document/pointer.ts'
import {
  entries,
  items,
  reportAt,
  type RelatedPath,
  type DeepPartial,
  type CheckContext,
  methodNamed,
} from './check-context.ts'

/** Checks that no two proxies have the same path. */
export function checkPaths(context: CheckContext): void {
  const byPath = new Map<string, RelatedPath>()
  for (const [name, proxy] of entries(context.config.proxies)) {
    const path = endpointPath(name, proxy as Pick<Proxy, 'path'>)
    const place: Path = proxy.path === undefined ? ['proxies', name] : ['proxies', name, 'path']
    const part = proxy.path === undefined ? 'key' : 'value'
    const first = byPath.get(path)
    if (first === undefined) {
      byPath.set(path, { path: place, part, message: `\`${name}\` has this path` })
      continue
    }
    const shown = proxy.path === undefined ? `\`/${name}/mcp\`, the default path,` : 'this path'
    reportAt(context, 'GH1304', place, {
      message: `${shown} is already the path of the proxy \`${first.path[1]}\``,
      help: 'give one of them another `path`',
      part,
      related: [first],
    })
  }
}

/** Checks that only headers have a scheme, and that no two auth methods of a proxy read the same credential. */
export function checkAuth(context: CheckContext): void {
  for (const [name, method] of entries(context.config.auth)) {
    if (!('in' in method) || method.in === undefined || method.in === 'header' || !method.scheme) continue
    const place = method.in === 'cookie' ? 'a cookie' : 'a query parameter'
    reportAt(context, 'GH1312', ['auth', name, 'scheme'], {
      message: `${place} has no scheme in front of the key`,
      help: 'remove `scheme`',
      part: 'key',
    })
  }
  for (const [name, { auth }] of entries(context.config.proxies)) {
    if (typeof auth === 'string') continue
    checkAmbiguity(context, name, auth)
    checkUnstructured(context, name, auth)
  }
}

function checkAmbiguity(
  context: CheckContext,
  proxy: string,
  methods: DeepPartial<string[]> | undefined,
): void {
  const seen = new Map<string, RelatedPath>()
  for (const [index, name] of items(methods)) {
    const method = methodNamed(context, name)
    const place = method && placeOf(method as DeepPartial<AuthMethod>)
    if (place === undefined) continue
    const path: Path = ['proxies', proxy, 'auth', index]
    const first = seen.get(place)
    if (first === undefined) {
      seen.set(place, { path, message: 'the other one' })
      continue
    }
    // The same name twice is reported already.
    if (methods?.[first.path.at(-1) as number] === name) continue
    const same = takesTokens(method!) ? 'has the same issuer' : 'reads the same place'
    reportAt(context, 'GH1313', path, {
      message: `\`${name}\` ${same} as another auth method of this proxy`,
      help: 'remove one of them',
      related: [first],
    })
  }
}

/**
 * Checks that at most one auth method reads credentials without a structure from a header with tokens. Otherwise the
 * gateway would send keys to an issuer.
 */
function checkUnstructured(
  context: CheckContext,
  proxy: string,
  methods: DeepPartial<string[]> | undefined,
): void {
  const readers = items(methods).flatMap(([index, name]) => {
    const method = methodNamed(context, name)
    if (method === undefined) return []
    const introspects = takesTokens(method) && method.introspection !== undefined
    return [{ name, introspects, place: placeOf(method), path: ['proxies', proxy, 'auth', index] as Path }]
  })
  const first = readers.find(({ introspects }) => introspects)
  for (const { name, introspects, place, path } of readers) {
    if (first === undefined || name === first.name) continue
    if (!introspects && !couldBeToken(place, first.place)) continue
    const explanation = introspects
      ? {
          message: `\`${name}\` and \`${first.name}\` both introspect tokens that are not JWTs`,
          help: 'remove one of them',
        }
      : {
          message: `\`${name}\` reads keys where \`${first.name}\` reads tokens that are not JWTs`,
          help: `let \`${name}\` read another header, such as \`name: X-API-Key\``,
        }
    const related = [{ path: first.path, message: 'introspects tokens' }]
    reportAt(context, 'GH1313', path, { ...explanation, related })
  }
}

/** Returns whether keys of this place could be read as tokens of that one. Only in Authorization do tokens need a scheme. */
function couldBeToken(keys = '', tokens = ''): boolean {
  const header = tokens.split(' ')[1]
  return header === 'authorization'
    ? keys === 'header authorization bearer' || keys === 'header authorization '
    : keys.startsWith(`header ${header} `)
}

/** Returns the property that identifies the credentials of a method: the issuer of a token, or the place of a key. */
function placeOf(method: DeepPartial<AuthMethod>): string | undefined {
  if (takesTokens(method)) {
    const { header = 'Authorization', issuer } = method
    return issuer === undefined ? undefined : `tokens ${header.toLowerCase()} ${issuer}`
  }
  if (method.type === 'mtls') {
    if (method.from === undefined) return 'certificate'
    return `header ${(method.from.header ?? '').toLowerCase()} `
  }
  if (method.type !== 'api-key') return undefined
  const { in: where, name } = method
  if (where === undefined || name === undefined) return undefined
  if (where !== 'header') return `${where} ${name}`
  const scheme = schemeOf({ in: where, name, scheme: method.scheme })
  return `header ${name.toLowerCase()} ${scheme.toLowerCase()}`
}
