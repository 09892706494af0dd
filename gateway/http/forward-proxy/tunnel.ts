import { request as plainRequest } from 'node:http'
import { request as secureRequest } from 'node:https'
import { isIP, type Socket } from 'node:net'
import { buildConnector } from 'undici'
import type { ForwardProxy } from '../../values/proxy-url.ts'
import { ProxyFailed } from './proxy-failed.ts'

/** Options of the connections to targets. */
export interface TargetOptions {
  /** Milliseconds for the tunnel, and again for TLS. */
  readonly timeout: number
  /** TLS options for the target. */
  readonly tls?: buildConnector.BuildOptions | undefined
}

/**
 * Makes a connector of undici for https targets behind a forward proxy: TLS to the target, inside a tunnel (RFC 9110
 * §9.3.6). The proxy sees the host and port, and nothing else.
 */
export function tunnelConnector(
  proxy: ForwardProxy,
  { timeout, tls }: TargetOptions,
): buildConnector.connector {
  const connectTls = buildConnector({ timeout, ...tls, allowH2: false, rejectUnauthorized: true })
  return (options, callback) => {
    const { hostname, host = hostname, port } = options
    openTunnel(proxy, port === '' ? `${host}:443` : host, timeout).then(
      // The server name never comes from a Host header.
      socket => connectTls({ ...options, servername: undefined, httpSocket: socket } as never, callback),
      (error: Error) => callback(error, null),
    )
  }
}

/** Makes a connector to the proxy itself, for plain http. */
export function proxyConnector(timeout: number): buildConnector.connector {
  const connect = buildConnector({ timeout, allowH2: false, rejectUnauthorized: true })
  return (options, callback) => {
    connect({ ...options, servername: undefined } as never, (error, socket) => {
      if (error === null) callback(null, socket!)
      else callback(new ProxyFailed('proxy_unreachable', { cause: error }), null)
    })
  }
}

function openTunnel(proxy: ForwardProxy, authority: string, timeout: number): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  const { hostname: host, port, isSecure, authorization } = proxy
  const request = (isSecure ? secureRequest : plainRequest)({
    host,
    port,
    method: 'CONNECT',
    path: authority,
    headers: { host: authority, ...(authorization && { 'proxy-authorization': authorization }) },
    agent: false,
    // Node would take the host of the target otherwise.
    servername: isIP(host) === 0 ? host : '',
    // Explicit, because an environment variable of Node would turn it off otherwise.
    rejectUnauthorized: true,
  })
  const timer = setTimeout(() => {
    reject(new ProxyFailed('proxy_timeout'))
    request.destroy()
  }, timeout)
  request.on('error', cause => {
    clearTimeout(timer)
    reject(new ProxyFailed('proxy_unreachable', { cause }))
  })
  request.once('connect', ({ statusCode: status = 0 }, socket: Socket, early: Buffer) => {
    clearTimeout(timer)
    // What comes before the client of the tunnel has spoken is not from the target.
    if (status >= 200 && status < 300 && early.length === 0) resolve(socket)
    else {
      socket.on('error', () => {}).destroy()
      reject(new ProxyFailed('proxy_refused', { status }))
    }
  })
  request.end()
  return promise
}
