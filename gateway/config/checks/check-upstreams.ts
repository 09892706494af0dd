import type { ClientCredentialsAuth, Proxy, Upstream } from '../../../schema/config.ts'
import { checkClient, checkSecretUrl } from './check-client.ts'
import { isGoverned, reportCredential } from './check-headers.ts'
import type { Path } from '../document/pointer.ts'
import { writtenAt } from '../document/locate.ts'
import { isCredential, redact } from '../document/sensitive.ts'
import { entries, items, reportAt, type DeepPartial, type CheckContext } from './check-context.ts'

/** Checks what the gateway sends to upstreams besides headers: query parameters, a token, the caller, certificates. */
export function checkUpstreams(context: CheckContext): void {
  for (const [name, proxy] of entries(context.config.proxies)) {
    const { upstream } = proxy
    if (upstream === undefined) continue
    const path = ['proxies', name, 'upstream']
    checkUrl(context, upstream, [...path, 'url'])
    checkQuery(context, upstream, [...path, 'query'])
    if (upstream.auth !== undefined) checkUpstreamAuth(context, upstream, path)
    if (upstream.auth?.type === 'token-exchange') checkExchange(context, name, proxy)
    checkCaller(context, upstream, path)
    checkTls(context, upstream, [...path, 'tls'])
  }
}

/** Checks that the query of the URL contains no credential: it would be in the configuration, and in its revision. */
function checkUrl(context: CheckContext, { url, query }: DeepPartial<Upstream>, path: Path): void {
  for (const [name, value] of new URLSearchParams(url?.split('?', 2)[1])) {
    if (value === '' || !isCredential(name, value) || Object.hasOwn(query ?? {}, name)) continue
    const written = writtenAt(context.loadContext, context.config, path)
    const isWritten = written.includes(name)
    const [, variable = 'NAME'] = /=\$\{([A-Za-z_]\w*)\}/.exec(written.slice(written.indexOf(name))) ?? []
    redact(context.loadContext, context.config, path)
    reportAt(context, 'GH1308', path, {
      message: `${isWritten ? `\`${name}\`` : 'a query parameter'} in this URL looks like a credential in clear`,
      help: `treat a real credential as leaked, and write \`query: {${isWritten ? name : 'api_key'}: {env: ${variable}}}\` instead`,
      whateverValue: true,
    })
    return
  }
}

function checkQuery(context: CheckContext, { url, query }: DeepPartial<Upstream>, path: Path): void {
  const written = new URLSearchParams(url === undefined ? '' : (url.split('?', 2)[1] ?? ''))
  for (const [name, reference] of entries(query)) {
    const at = [...path, name]
    if (written.has(name)) {
      const message = `\`${name}\` is in \`url\` too`
      reportAt(context, 'GH1331', at, { message, help: 'remove one of them', part: 'key' })
    } else if (reference.value !== undefined && isCredential(name, reference.value)) {
      reportCredential(context, name, [...at, 'value'])
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
    reportAt(context, 'GH1338', [...at, 'issuer'], {
      message: 'there is both an `issuer` and a `tokenUrl`',
      help: 'keep `issuer` to discover the token endpoint, or `tokenUrl` to name it',
      part: 'key',
    })
  }
  const header = Object.keys(upstream.headers ?? {}).find(name => name.toLowerCase() === 'authorization')
  if (header === undefined) return
  reportAt(context, 'GH1334', [...path, 'headers', header], {
    message: `both \`${header}\` and \`auth\` set the Authorization header`,
    help: 'remove one of them',
    part: 'key',
    related: [{ path: at, part: 'key', message: 'the token comes from here' }],
  })
}

/** Types of auth methods whose callers have no token to exchange. */
const withoutToken: ReadonlySet<unknown> = new Set(['api-key', 'mtls'])

function checkExchange(context: CheckContext, proxy: string, { auth }: DeepPartial<Proxy>): void {
  const path = ['proxies', proxy, 'auth']
  const related = [
    {
      path: ['proxies', proxy, 'upstream', 'auth', 'type'],
      message: 'the token of the caller is exchanged here',
    },
  ]
  if (typeof auth === 'string') {
    reportAt(context, 'GH1337', path, {
      message: 'callers without a token have nothing to exchange for a token of the upstream',
      help: 'name auth methods of type `jwt` or `oauth`',
      related,
    })
    return
  }
  const { auth: methods = {} } = context.config
  for (const [index, name] of items(auth)) {
    const type = Object.hasOwn(methods, name) ? methods[name]?.type : undefined
    if (!withoutToken.has(type)) continue
    reportAt(context, 'GH1337', [...path, index], {
      message: `\`${name}\` accepts no tokens, so there is nothing to exchange`,
      help: 'remove it here, and give its callers their own proxy with `client-credentials`',
      related,
    })
  }
}

function checkCaller(context: CheckContext, { caller, headers }: DeepPartial<Upstream>, path: Path): void {
  const names = new Map<string, Path>()
  for (const name of Object.keys(headers ?? {})) names.set(name.toLowerCase(), [...path, 'headers', name])
  const { claims, ...plain } = caller ?? {}
  const named = [
    ...entries(plain).map(([field, name]) => [[...path, 'caller', field], name] as const),
    ...entries(claims).map(([claim, name]) => [[...path, 'caller', 'claims', claim], name] as const),
  ]
  for (const [at, name] of named) {
    const lower = name.toLowerCase()
    const first = names.get(lower)
    if (isGoverned(name) || lower === 'authorization' || lower === 'cookie') {
      reportAt(context, 'GH1309', at, {
        message: `\`${name}\` cannot carry information about the caller`,
        help: 'choose another name, such as `X-Gatehouse-Principal`',
      })
    } else if (first !== undefined) {
      const related = [{ path: first, message: 'first written here' }]
      reportAt(context, 'GH1310', at, {
        message: `the header \`${name}\` is sent twice`,
        help: 'choose another name',
        related,
      })
    }
    names.set(lower, at)
  }
}

function checkTls(context: CheckContext, { tls, url }: DeepPartial<Upstream>, path: Path): void {
  if (tls === undefined) return
  if (url?.startsWith('http://')) {
    reportAt(context, 'GH1335', path, {
      message: '`tls` has no effect on a `url` with http://',
      help: 'write `https://` in `url`, or remove `tls`',
      part: 'key',
    })
  }
  const given = (['cert', 'key'] as const).filter(field => tls[field] !== undefined)
  if (given.length !== 1) return
  const missing = given[0] === 'cert' ? 'key' : 'cert'
  reportAt(context, 'GH1335', [...path, given[0]!], {
    message: `\`${given[0]}\` needs \`${missing}\``,
    help: `add \`${missing}: {file: path}\``,
    part: 'key',
  })
}
