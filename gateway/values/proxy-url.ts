import { withoutBrackets } from './hosts.ts'
import { MalformedError } from './malformed.ts'

/** A forward proxy, as its URL describes it. */
export interface ForwardProxy {
  /** Scheme, host and port, without credentials. */
  readonly origin: string
  /** Host without brackets. */
  readonly hostname: string
  readonly port: number
  /** Whether connections to the proxy itself use TLS. */
  readonly isSecure: boolean
  /** Value of Proxy-Authorization (RFC 7617); undefined if the URL has no credentials. */
  readonly authorization: string | undefined
}

/**
 * Parses the URL of a forward proxy: http or https, a host, and perhaps a port and credentials. As curl does, it takes
 * `host:port` for http.
 *
 * @throws MalformedError, whose text contains nothing of the URL
 */
export function parseProxyUrl(text: string): ForwardProxy {
  const url = URL.parse(text.includes('://') ? text : `http://${text}`)
  const isSecure = url?.protocol === 'https:'
  const rest = url === null ? '' : `${url.pathname}${url.search}${url.hash}`
  if (url === null || (!isSecure && url.protocol !== 'http:') || (rest !== '/' && rest !== '')) {
    throw new MalformedError(
      'not the URL of an HTTP proxy',
      'write `http://` or `https://`, a host and a port, such as `http://proxy.internal:3128`',
    )
  }
  return {
    origin: url.origin,
    hostname: withoutBrackets(url.hostname),
    port: Number(url.port || (isSecure ? 443 : 80)),
    isSecure,
    authorization: authorizationOf(url),
  }
}

function authorizationOf({ username, password }: URL): string | undefined {
  if (username === '' && password === '') return undefined
  try {
    const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
    return `Basic ${Buffer.from(pair).toString('base64')}`
  } catch {
    throw new MalformedError(
      'not the URL of an HTTP proxy: its user name or password has a wrong percent escape',
      'write `%25` for a percent sign',
    )
  }
}
