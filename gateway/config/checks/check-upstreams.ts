import type { ClientCredentialsAuth, Proxy, Upstream } from '../../../schema/config.ts'
import { checkClient, checkSecretUrl } from './check-client.ts'
import { isGoverned } from './check-headers.ts'
import type { Path } from '../document/pointer.ts'
import { looksLikeCredential, mask } from '../document/sensitive.ts'
import { entries, items, reportAt, type DeepPartial, type CheckContext } from './check-context.ts'

/** What the gateway presents to upstreams beside headers: query parameters, a token, who called, certificates. */
export function checkUpstreams(context: CheckContext): void {
  for (const [name, proxy] of entries(context.config.proxies)) {
    const { upstream } = proxy
    if (upstream === undefined) continue
    const path = ['proxies', name, 'upstream']
    checkQuery(context, upstream, [...path, 'query'])
    if (upstream.auth !== undefined) checkUpstreamAuth(context, upstream, path)
    if (upstream.auth?.type === 'token-exchange') checkExchange(context, name, proxy)
    checkCaller(context, upstream, path)
    checkTls(context, upstream, [...path, 'tls'])
  }
}

function checkQuery(context: CheckContext, { url, query }: DeepPartial<Upstream>, path: Path): void {
  const written = new URLSearchParams(url === undefined ? '' : (url.split('?', 2)[1] ?? ''))
  for (const [name, reference] of entries(query)) {
    const at = [...path, name]
    if (written.has(name)) {
      const message = `\`${name}\` stands in \`url\` already; keep one of them`
      reportAt(context, 'GH1331', at, message, { part: 'key' })
    } else if (reference.value !== undefined && looksLikeCredential(name)) {
      mask(context.loadContext, context.config, [...at, 'value'])
      const message = `\`${name}\` looks like a credential, and those do not stand in this file; write \`{env: NAME}\` or \`{file: path}\`. If this is one, treat it as leaked`
      reportAt(context, 'GH1308', [...at, 'value'], message)
    }
  }
}

function checkUpstreamAuth(context: CheckContext, upstream: DeepPartial<Upstream>, path: Path): void {
  const auth = upstream.auth as DeepPartial<ClientCredentialsAuth>
  const at = [...path, 'auth']
  const { tokenUrl, issuer } = auth
  checkClient(context, auth, at)
  checkSecretUrl(context, tokenUrl, [...at, 'tokenUrl'])
  checkSecretUrl(context, issuer, [...at, 'issuer'])
  if (tokenUrl !== undefined && issuer !== undefined) {
    const message =
      'the token endpoint is discovered from `issuer`, and `tokenUrl` names one; keep one of them'
    reportAt(context, 'GH1338', [...at, 'issuer'], message, { part: 'key' })
  }
  const header = Object.keys(upstream.headers ?? {}).find(name => name.toLowerCase() === 'authorization')
  if (header === undefined) return
  const message = `\`${header}\` and \`auth\` both say what the upstream gets as Authorization; keep one of them`
  const related = [{ path: at, part: 'key' as const, message: 'the token that is got here' }]
  reportAt(context, 'GH1334', [...path, 'headers', header], message, { part: 'key', related })
}

/** What proves something else than a token: whoever comes with it has nothing to exchange. */
const withoutToken: ReadonlySet<unknown> = new Set(['api-key', 'mtls'])

function checkExchange(context: CheckContext, proxy: string, { auth }: DeepPartial<Proxy>): void {
  const path = ['proxies', proxy, 'auth']
  const related = [
    {
      path: ['proxies', proxy, 'upstream', 'auth', 'type'],
      message: 'here the token of the caller is exchanged',
    },
  ]
  if (typeof auth === 'string') {
    const message =
      'whoever comes without a token has none to be exchanged for one of the upstream; name auth methods that take tokens'
    reportAt(context, 'GH1337', path, message, { related })
    return
  }
  const { auth: methods = {} } = context.config
  for (const [index, name] of items(auth)) {
    const type = Object.hasOwn(methods, name) ? methods[name]?.type : undefined
    if (!withoutToken.has(type)) continue
    const message = `\`${name}\` takes no tokens, so there is none to be exchanged for one of the upstream; take it out here, and give those callers a proxy of their own`
    reportAt(context, 'GH1337', [...path, index], message, { related })
  }
}

function checkCaller(context: CheckContext, { caller, headers }: DeepPartial<Upstream>, path: Path): void {
  const taken = new Map<string, Path>()
  for (const name of Object.keys(headers ?? {})) taken.set(name.toLowerCase(), [...path, 'headers', name])
  const { claims, ...plain } = caller ?? {}
  const named = [
    ...entries(plain).map(([field, name]) => [[...path, 'caller', field], name] as const),
    ...entries(claims).map(([claim, name]) => [[...path, 'caller', 'claims', claim], name] as const),
  ]
  for (const [at, name] of named) {
    const lower = name.toLowerCase()
    const first = taken.get(lower)
    if (isGoverned(name) || lower === 'authorization' || lower === 'cookie') {
      reportAt(context, 'GH1309', at, `\`${name}\` says something else already; choose another name`)
    } else if (first !== undefined) {
      const related = [{ path: first, message: 'first written here' }]
      reportAt(context, 'GH1310', at, `\`${name}\` is sent already; choose another name`, { related })
    }
    taken.set(lower, at)
  }
}

function checkTls(context: CheckContext, { tls, url }: DeepPartial<Upstream>, path: Path): void {
  if (tls === undefined) return
  if (url?.startsWith('http://')) {
    reportAt(context, 'GH1335', path, 'the `url` begins with http://, where there is no TLS', { part: 'key' })
  }
  const alone = (['cert', 'key'] as const).filter(field => tls[field] !== undefined)
  if (alone.length !== 1) return
  const missing = alone[0] === 'cert' ? 'key' : 'cert'
  const message = `\`${alone[0]}\` goes with \`${missing}\`; add it`
  reportAt(context, 'GH1335', [...path, alone[0]!], message, { part: 'key' })
}
