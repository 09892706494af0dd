import { isIPv4, isIPv6 } from 'node:net'
import { MalformedError } from './malformed.ts'

const label = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/

/** Returns whether a text is an IPv4 address or a DNS name in lower case (RFC 1123, plus the underscores of Compose). */
export function isHostName(text: string): boolean {
  if (text.length > 253) return false
  const labels = text.split('.')
  if (/^[0-9]+$/.test(labels.at(-1) ?? '')) return isIPv4(text)
  return labels.every(part => label.test(part))
}

/** Returns the host of a parsed URL as a socket takes it: an IPv6 address without its brackets. */
export function withoutBrackets(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, '$1')
}

/** Returns whether the host of a parsed URL is this machine. */
export function isLoopback(hostname: string): boolean {
  return (
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    hostname === '[::1]' ||
    /^127(?:\.[0-9]+){3}$/.test(hostname)
  )
}

/** Checks a host without a port, as in a URL. Throws MalformedError. */
export function checkHostName(text: string): void {
  if (isHostName(text) || (/^\[[0-9a-f:.]+\]$/.test(text) && isAuthority(text))) return
  throw new MalformedError(
    'not a valid host',
    'write a name or an address in lower case, without a port or wildcards, such as `keys.internal`',
  )
}

/** Checks a Host header: host or host:port, in lower case. Throws MalformedError. */
export function checkHost(text: string): void {
  if (!isAuthority(text)) {
    throw new MalformedError(
      'not a valid host',
      'write a name or an address in lower case, with or without a port, but no wildcards: `gatehouse.internal:8080`',
    )
  }
}

/** Checks an origin as browsers send it (RFC 6454): scheme, host, and any port but the default. Throws MalformedError. */
export function checkOrigin(text: string): void {
  const [, scheme, authority = ''] = /^(https?):\/\/(.*)$/.exec(text) ?? []
  if (scheme === undefined || !isAuthority(authority)) {
    throw new MalformedError(
      'not a valid origin',
      'write http or https and a host in lower case, without a path or a final slash: `https://mcp.example.com`',
    )
  }
  if (authority.endsWith(scheme === 'http' ? ':80' : ':443')) {
    throw new MalformedError(
      `an origin with the default port of ${scheme}, which browsers do not send`,
      'remove the port',
    )
  }
}

/** Checks the URL of a request: http or https with a host, without credentials or a fragment. Throws MalformedError. */
export function checkHttpUrl(text: string): void {
  const [, authority] = /^https?:\/\/([^/?#\\]+)(?:[/?][^#\\]*)?$/.exec(text) ?? []
  if (authority?.includes('@')) {
    throw new MalformedError(
      'a URL with a user name or password',
      'send credentials in a header, under `headers`',
    )
  }
  if (text.includes('#')) {
    throw new MalformedError('a URL with a fragment', 'remove `#` and everything after it')
  }
  if (
    authority === undefined ||
    text.length > 2048 ||
    !/^[\x21-\x7e]*$/.test(text) ||
    !isAuthority(authority.toLowerCase())
  ) {
    throw new MalformedError(
      'not a valid URL',
      'write `http://` or `https://` and a host, such as `http://127.0.0.1:7878/mcp`',
    )
  }
}

function isAuthority(text: string): boolean {
  const [, bracketed, plain, port] = /^(?:\[([^\]%]*)\]|([^:[\]]*))(?::([1-9][0-9]{0,4}))?$/.exec(text) ?? []
  if (port !== undefined && Number(port) > 65_535) return false
  if (bracketed !== undefined) return isIPv6(bracketed) && bracketed === bracketed.toLowerCase()
  return plain !== undefined && isHostName(plain)
}
