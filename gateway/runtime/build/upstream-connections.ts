import { buildConnector, Pool, type Dispatcher } from 'undici'
import { createPool, type UpstreamDispatcher } from '../../http/client/pool.ts'
import { createProxied, withHeaders } from '../../http/forward-proxy/dispatcher.ts'
import type { ForwardProxy } from '../../values/proxy-url.ts'

/** Connections to one origin. */
export interface Connections {
  /** Carries the requests of clients. */
  readonly calls: UpstreamDispatcher
  /** Carries all other requests. */
  readonly others: Dispatcher
  /** Closes the connections when the requests in flight have ended. */
  close(): void
}

/** TLS options of connections to an upstream. */
export interface Tls {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  readonly servername?: string
}

/** Where connections lead, and how. */
export interface ConnectionSettings {
  readonly origin: string
  /** Milliseconds to connect. */
  readonly timeout: number
  readonly tls: Tls
  /** Value of the Host header; undefined for the host of the origin. */
  readonly host: string | undefined
  /** Forward proxy; undefined for direct connections. */
  readonly proxy: ForwardProxy | undefined
}

/**
 * Milliseconds that an idle connection is kept if the upstream does not say how long it keeps its own end. With more,
 * requests would be sent on connections that some servers are closing.
 */
const keepAliveTimeoutMs = 1500

/** Largest head of a response, in bytes; that of plain HTTP is in `http/client`. Explicit, because Node has an option for it. */
const maxHeadBytes = 16 * 1024

const poolOptions = {
  connections: null,
  pipelining: 1,
  allowH2: false,
  keepAliveTimeout: keepAliveTimeoutMs,
  maxHeaderSize: maxHeadBytes,
}

/** Opens connections: requests of clients over plain HTTP use our own client, which costs less; all others use undici. */
export function createConnections(settings: ConnectionSettings): Connections {
  const { origin, timeout, tls, host, proxy } = settings
  if (proxy !== undefined) return throughProxy(settings, proxy)
  // Explicit, because an environment variable of Node would turn it off otherwise.
  const options = { timeout, ...tls, rejectUnauthorized: true }
  const pool = new Pool(origin, {
    ...poolOptions,
    connect: host === undefined ? options : connectorTo({ ...options, allowH2: false }),
  })
  const others = host === undefined ? pool : pool.compose(presenting(host))
  const calls = origin.startsWith('http:')
    ? createPool(origin, { connectTimeout: timeout, keepAlive: keepAliveTimeoutMs, hostHeader: host })
    : others
  return {
    calls,
    others,
    close() {
      for (const each of calls === others ? [pool] : [calls, pool]) void each.close().catch(() => {})
    },
  }
}

function throughProxy(settings: ConnectionSettings, proxy: ForwardProxy): Connections {
  const { origin, timeout, tls, host } = settings
  const { dispatcher, close } = createProxied(proxy, { timeout, tls, host, pool: poolOptions })
  return {
    calls: { dispatch: (call, handler) => dispatcher.dispatch({ ...call, origin }, handler), close },
    others: dispatcher,
    close: () => void close(),
  }
}

/** Makes a connector that ignores the Host header: undici takes it for the name of the TLS server otherwise. */
function connectorTo(options: buildConnector.BuildOptions): buildConnector.connector {
  const connect = buildConnector(options)
  return (target, callback) => connect({ ...target, servername: undefined } as never, callback)
}

/** Sends requests with a Host header of its own. */
function presenting(host: string): Dispatcher.DispatcherComposeInterceptor {
  return dispatch => (call, handler) =>
    dispatch({ ...call, headers: withHeaders(call.headers, ['host', host]) }, handler)
}
