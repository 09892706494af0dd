import { Agent, Pool, type Dispatcher } from 'undici'
import type { ForwardProxy } from '../../values/proxy-url.ts'
import { proxyConnector, tunnelConnector, type TargetOptions } from './tunnel.ts'

/** Options of the connections. */
export interface ProxiedOptions extends TargetOptions {
  /** Value of the Host header; undefined for the host of the URL. */
  readonly host?: string | undefined
  readonly pool?: Omit<Pool.Options, 'connect'>
}

/** Sends requests through a forward proxy. */
export interface Proxied {
  readonly dispatcher: Dispatcher
  close(): Promise<void>
}

/**
 * Makes a dispatcher that sends every request through a forward proxy: https in a tunnel, and http with the whole URL (RFC
 * 9112 §3.2.2), because many proxies refuse tunnels to other ports than 443.
 */
export function createProxied(
  proxy: ForwardProxy,
  { timeout, tls, host, pool: options }: ProxiedOptions,
): Proxied {
  const tunnels = new Agent({ ...options, connect: tunnelConnector(proxy, { timeout, tls }) })
  const plain = new Pool(proxy.origin, { ...options, connect: proxyConnector(timeout) })
  const { authorization } = proxy
  const credential = authorization === undefined ? [] : ['proxy-authorization', authorization]
  const own = host === undefined ? [] : ['host', host]
  const dispatcher = tunnels.compose(tunnel => (call, handler) => {
    const { origin = '', path, headers } = call
    if (!String(origin).startsWith('http:'))
      return tunnel(own.length === 0 ? call : { ...call, headers: withHeaders(headers, own) }, handler)
    const url = new URL(origin)
    const added = ['host', host ?? url.host, ...credential]
    const whole = { ...call, path: url.origin + path, headers: withHeaders(headers, added) }
    return plain.dispatch({ ...whole, origin: proxy.origin }, handler)
  })
  return {
    dispatcher,
    close: async () => void (await Promise.allSettled([tunnels.close(), plain.close()])),
  }
}

/** Adds headers to those of a call, which undici takes as a flat list or as an object. */
export function withHeaders(
  headers: Dispatcher.DispatchOptions['headers'],
  added: readonly string[],
): string[] | Record<string, string> {
  if (Array.isArray(headers)) return [...(headers as string[]), ...added]
  const all: Record<string, string> = { ...(headers as Record<string, string> | undefined) }
  for (let index = 0; index < added.length; index += 2) all[added[index]!] = added[index + 1]!
  return all
}
