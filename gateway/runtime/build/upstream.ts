import { createHash } from 'node:crypto'
import type { Proxy, UpstreamTls } from '../../../schema/config.ts'
import type { Secrets } from '../../values/secrets.ts'
import { parseWait } from '../../values/units.ts'
import { createHeaderFilter, withheldFromUpstream } from '../../http/exchange/headers.ts'
import type { Upstream, UpstreamClient } from '../../http/exchange/snapshot.ts'
import type { TokenSource } from '../../http/exchange/tokens.ts'
import { proxyFromEnvironment } from '../../http/forward-proxy/environment.ts'
import { withToken } from '../../http/relay/with-token.ts'
import type { Hold, UsagePool } from '../../lib/usage-pool.ts'
import { tokenSourceFor, type KeptTokens, type TokenDependencies } from '../../oauth/tokens.ts'
import type { UpstreamEndpoint } from '../../oauth/upstream-discovery.ts'
import { parseProxyUrl, type ForwardProxy } from '../../values/proxy-url.ts'
import { createConnections, type Connections, type Tls } from './upstream-connections.ts'

/** Dependencies of upstreams. Pools and tokens outlive the snapshots that use them. */
export interface UpstreamDependencies extends TokenDependencies {
  readonly pools: UsagePool<Connections>
  readonly tokens: UsagePool<KeptTokens>
  readonly secrets: Secrets
}

/**
 * Makes the upstream of a proxy.
 *
 * @param credentialHeaders lower-case names of headers that carry credentials of clients
 * @param hold keeps shared connections and tokens for as long as the upstream is used
 */
export function makeUpstream(
  { upstream }: Proxy,
  credentialHeaders: readonly string[],
  hold: Hold,
  { pools, tokens, secrets, ...dependencies }: UpstreamDependencies,
): Upstream {
  const { url, auth, caller } = upstream
  const { origin, pathname, search } = new URL(url)
  const resolve = (values: Proxy['upstream']['headers']): (readonly [string, string])[] =>
    Object.entries(values).map(([name, { value, scheme = '', ...reference }]) => {
      const text = value ?? secrets(reference)
      return [name, scheme === '' ? text : `${scheme} ${text}`]
    })
  const headers = resolve(upstream.headers)
  const query = resolve(upstream.query)
  const tls = readTls(upstream.tls, secrets)
  const timeout = parseWait(upstream.timeout.connect)
  const proxy = proxyOf(upstream, secrets)
  const settings = { origin, timeout, tls, host: upstream.host, proxy }
  const connect = (): Connections => createConnections(settings)
  const { calls, others } = hold(pools.acquire(digest([settings]), connect))
  const { claims = {}, ...plain } = caller ?? {}
  const callerNames = [...Object.values(plain), ...Object.values(claims)]
  const replaced = [...headers.map(([name]) => name), ...callerNames].map(name => name.toLowerCase())
  const added = query.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
  const endpoint: UpstreamEndpoint = {
    url,
    dispatcher: others,
    path: pathname + [search || '?', ...added].join('&').replace(/^\?&?/, '?').replace(/^\?$/, ''),
    headers: [['accept-encoding', 'identity'], ...headers],
    identity: digest([settings, url, headers, query]),
  }
  const token = auth && tokenSourceFor(auth, endpoint, secrets, dependencies)
  const tokenSource = token && hold(tokens.acquire(token.identity, token.create)).source
  return {
    identity: digest([settings, url, headers, query, caller, token?.identity]),
    client: decorate(calls, tokenSource),
    path: endpoint.path,
    headers: endpoint.headers,
    headerFilter: createHeaderFilter(
      [...withheldFromUpstream, ...credentialHeaders, ...replaced],
      upstream.forwardHeaders,
    ),
    caller,
    responseTimeout: parseWait(upstream.timeout.response ?? upstream.timeout.idle),
    idleTimeout: parseWait(upstream.timeout.idle),
  }
}

/** Adds what applies to every call, a line each, the innermost first. */
function decorate(client: UpstreamClient, tokens: TokenSource | undefined): UpstreamClient {
  let decorated = client
  if (tokens !== undefined) decorated = withToken(decorated, tokens)
  return decorated
}

/** Returns the forward proxy of an upstream: the one in its settings, or else the one that the environment names. */
function proxyOf({ url, proxy }: Proxy['upstream'], secrets: Secrets): ForwardProxy | undefined {
  return proxy === undefined ? proxyFromEnvironment(new URL(url)) : parseProxyUrl(secrets(proxy))
}

function readTls(tls: UpstreamTls | undefined, secrets: Secrets): Tls {
  const { ca, cert, key, serverName } = tls ?? {}
  return {
    ...(ca && { ca: secrets(ca) }),
    ...(cert && { cert: secrets(cert) }),
    ...(key && { key: secrets(key) }),
    ...(serverName !== undefined && { servername: serverName }),
  }
}

function digest(parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex')
}
