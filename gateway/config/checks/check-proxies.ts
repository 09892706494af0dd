import type { AuthMethod, Proxy, Rules } from '../../../schema/config.ts'
import { schemeOf } from '../../values/api-key-place.ts'
import { whyMalformed } from '../../values/formats.ts'
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
} from './check-context.ts'

/** No two proxies have one path. */
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
    const where = proxy.path === undefined ? `/${name}/mcp, the path without a \`path\`,` : 'this path'
    const message = `${where} is that of the proxy \`${first.path[1]}\` already; give one of them another \`path\``
    reportAt(context, 'GH1304', place, message, { part, related: [first] })
  }
}

/** Patterns of access rules are well formed. */
export function checkGlobs(context: CheckContext): void {
  for (const [name, role] of entries(context.config.roles)) {
    for (const [proxy, access] of entries(role.access))
      checkKinds(context, ['roles', name, 'access', proxy], access)
  }
  for (const [name, proxy] of entries(context.config.proxies)) {
    checkKinds(context, ['proxies', name], proxy)
    checkScopes(context, name, proxy)
  }
  for (const [name, method] of entries(context.config.auth)) {
    if (!takesTokens(method)) continue
    for (const [index, grant] of items(method.grants)) {
      for (const [claim, wanted] of entries(grant.when?.claims))
        checkClaim(context, ['auth', name, 'grants', index, 'when', 'claims', claim], wanted)
    }
  }
}

function checkClaim(context: CheckContext, path: Path, wanted: unknown): void {
  const patterns = Array.isArray(wanted)
    ? wanted.map((one, index) => [[...path, index], one])
    : [[path, wanted]]
  for (const [at, pattern] of patterns as [Path, unknown][]) {
    const why = typeof pattern === 'string' ? whyMalformed('glob', pattern) : undefined
    if (why !== undefined) reportAt(context, 'GH1306', at, why)
  }
}

function checkKinds(context: CheckContext, path: Path, holder: { readonly [kind: string]: unknown }): void {
  for (const kind of ['tools', 'prompts', 'resources', 'methods']) {
    const rules = holder[kind] as DeepPartial<Rules> | undefined
    for (const list of ['allow', 'deny'] as const) {
      for (const [index, pattern] of items(rules?.[list])) {
        const why = whyMalformed('glob', pattern)
        if (why !== undefined) reportAt(context, 'GH1306', [...path, kind, list, index], why)
      }
    }
  }
}

/** Patterns with scopes are well formed, and stand where tokens are taken. */
function checkScopes(context: CheckContext, name: string, { auth, scopes }: DeepPartial<Proxy>): void {
  if (scopes === undefined) return
  for (const kind of ['tools', 'prompts', 'resources'] as const) {
    for (const [pattern] of entries(scopes[kind])) {
      const why = whyMalformed('glob', pattern)
      const path = ['proxies', name, 'scopes', kind, pattern]
      if (why !== undefined) reportAt(context, 'GH1306', path, why, { part: 'key' })
    }
  }
  const methods = typeof auth === 'string' ? [] : items(auth).map(([, one]) => methodNamed(context, one))
  if (methods.some(method => method === undefined || takesTokens(method))) return
  const message =
    'only tokens have scopes, and this proxy takes none; add an auth method that takes them, or take this block out'
  reportAt(context, 'GH1341', ['proxies', name, 'scopes'], message, { part: 'key' })
}

/** Where a key is looked for, and behind which word. */
export function checkAuth(context: CheckContext): void {
  for (const [name, method] of entries(context.config.auth)) {
    if (!('in' in method) || method.in === undefined || method.in === 'header' || !method.scheme) continue
    const what = method.in === 'cookie' ? 'a cookie' : 'a query parameter'
    reportAt(
      context,
      'GH1312',
      ['auth', name, 'scheme'],
      `${what} has no scheme before the key; take this field out`,
      { part: 'key' },
    )
  }
  for (const [name, { auth }] of entries(context.config.proxies)) {
    if (typeof auth === 'string') continue
    checkAmbiguity(context, name, auth)
    checkOpaque(context, name, auth)
  }
}

function methodNamed(
  { config: { auth = {} } }: CheckContext,
  name: string,
): DeepPartial<AuthMethod> | undefined {
  return Object.hasOwn(auth, name) ? auth[name] : undefined
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
      seen.set(place, { path, message: 'this one does too' })
      continue
    }
    // The same name twice is another mistake, and reported as that.
    if (methods?.[first.path.at(-1) as number] === name) continue
    const message =
      method !== undefined && takesTokens(method)
        ? `\`${name}\` has the same issuer as another auth method of this proxy; keep one of them`
        : `\`${name}\` looks for a credential where another auth method of this proxy does; keep one of them`
    reportAt(context, 'GH1313', path, message, { related: [first] })
  }
}

/** A credential of no shape in `Authorization: Bearer` has one taker: who asks an issuer about it must not be told a key. */
function checkOpaque(context: CheckContext, proxy: string, methods: DeepPartial<string[]> | undefined): void {
  const takers = items(methods).flatMap(([index, name]) => {
    const method = methodNamed(context, name)
    const introspects = method !== undefined && takesTokens(method) && method.introspection !== undefined
    const place = method && placeOf(method as DeepPartial<AuthMethod>)
    const keys = place === 'header authorization bearer' || place === 'header authorization '
    const path: Path = ['proxies', proxy, 'auth', index]
    return introspects || keys ? [{ name, introspects, path }] : []
  })
  const first = takers.find(({ introspects }) => introspects)
  for (const { name, introspects, path } of takers) {
    if (first === undefined || name === first.name) continue
    const message = introspects
      ? `\`${name}\` asks its issuer about tokens that are no JWTs, as \`${first.name}\` does, and nothing tells whose one is; keep one of them here`
      : `\`${name}\` looks for keys where \`${first.name}\` looks for tokens that are no JWTs, and nothing tells them apart; give \`${name}\` another header as \`name\``
    const related = [{ path: first.path, message: 'this one asks its issuer' }]
    reportAt(context, 'GH1313', path, message, { related })
  }
}

/** What a credential of this method is told by; a token by its issuer, wherever keys are read too. */
function placeOf(method: DeepPartial<AuthMethod>): string | undefined {
  if (takesTokens(method)) return method.issuer === undefined ? undefined : `issuer ${method.issuer}`
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
