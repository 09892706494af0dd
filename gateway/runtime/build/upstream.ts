import { createHash } from 'node:crypto'
import { Pool, type Dispatcher } from 'undici'
import type { Proxy, UpstreamTls } from '../../../schema/config.ts'
import type { Secrets } from '../../values/secrets.ts'
import { parseWait } from '../../values/units.ts'
import { createHeaderFilter, withheldFromUpstream } from '../../http/exchange/headers.ts'
import type { Upstream, UpstreamClient } from '../../http/exchange/snapshot.ts'
import type { TokenSource } from '../../http/exchange/tokens.ts'
import { createPool, type UpstreamDispatcher } from '../../http/client/pool.ts'
import { withToken } from '../../http/relay/with-token.ts'
import type { Hold, UsagePool } from '../../lib/usage-pool.ts'
import { tokenSourceFor, type KeptTokens, type TokenDependencies } from '../../oauth/tokens.ts'
import type { UpstreamEndpoint } from '../../oauth/upstream-discovery.ts'

/**
 * Milliseconds that an idle connection is kept if the upstream does not say how long it keeps its own end. With more,
 * requests would be sent on connections that some servers are closing.
 */
const keepAliveTimeoutMs = 1500

/** Largest head of a response, in bytes; that of plain HTTP is in `http/client`. Explicit, because Node has an option for it. */
const maxHeadBytes = 16 * 1024

/** Connections to one origin. */
export interface Connections {
  /** Carries the requests of clients. */
  readonly calls: UpstreamDispatcher
  /** Carries all other requests. */
  readonly others: Dispatcher
  /** Closes the connections when the requests in flight have ended. */
  close(): void
}

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
  const connect = (): Connections => createConnections(origin, timeout, tls)
  const { calls, others } = hold(pools.acquire(digest([origin, timeout, tls]), connect))
  const { claims = {}, ...plain } = caller ?? {}
  const callerNames = [...Object.values(plain), ...Object.values(claims)]
  const replaced = [...headers.map(([name]) => name), ...callerNames].map(name => name.toLowerCase())
  const added = query.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
  const endpoint: UpstreamEndpoint = {
    url,
    dispatcher: others,
    path: pathname + [search || '?', ...added].join('&').replace(/^\?&?/, '?').replace(/^\?$/, ''),
    headers: [['accept-encoding', 'identity'], ...headers],
    identity: digest([url, headers, query, tls, timeout]),
  }
  const token = auth && tokenSourceFor(auth, endpoint, secrets, dependencies)
  const tokenSource = token && hold(tokens.acquire(token.identity, token.create)).source
  return {
    identity: digest([url, headers, query, caller, tls, token?.identity]),
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

interface Tls {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  readonly servername?: string
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

/** Opens connections: requests of clients over plain HTTP use our own client, which costs less; all others use undici. */
function createConnections(origin: string, timeout: number, tls: Tls): Connections {
  const others = new Pool(origin, {
    connections: null,
    pipelining: 1,
    allowH2: false,
    keepAliveTimeout: keepAliveTimeoutMs,
    maxHeaderSize: maxHeadBytes,
    // Explicit, because an environment variable of Node would turn it off otherwise.
    connect: { timeout, ...tls, rejectUnauthorized: true },
  })
  const calls = origin.startsWith('http:')
    ? createPool(origin, { connectTimeout: timeout, keepAlive: keepAliveTimeoutMs })
    : others
  return {
    calls,
    others,
    close() {
      for (const each of new Set([calls, others])) void each.close().catch(() => {})
    },
  }
}

function digest(parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex')
}
