import { isIPv4, isIPv6 } from 'node:net'
import { MalformedError } from './malformed.ts'

const label = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/

/** Whether this is an IPv4 address or a DNS name in lower case (RFC 1123, with the underscores that Compose makes). */
export function isHostName(text: string): boolean {
  if (text.length > 253) return false
  const labels = text.split('.')
  if (/^[0-9]+$/.test(labels.at(-1) ?? '')) return isIPv4(text)
  return labels.every(part => label.test(part))
}

/** Whether the host of a parsed URL is this machine's own. */
export function isLoopback(hostname: string): boolean {
  return (
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    hostname === '[::1]' ||
    /^127(?:\.[0-9]+){3}$/.test(hostname)
  )
}

/** Checks a host without a port, as it stands in a URL. Throws MalformedError. */
export function checkHostName(text: string): void {
  if (isHostName(text) || (/^\[[0-9a-f:.]+\]$/.test(text) && isAuthority(text))) return
  throw new MalformedError(
    'a host is a name or an address in lower case and without a port, such as keys.internal; there are no wildcards',
  )
}

/** Checks a Host header: host or host:port, in lower case. Throws MalformedError. */
export function checkHost(text: string): void {
  if (!isAuthority(text)) {
    throw new MalformedError(
      'a host is a name or an address in lower case, with or without a port, such as gatehouse.internal:8080; there are no wildcards',
    )
  }
}

/** Checks an origin as browsers send it (RFC 6454): scheme, host, port unless it is the default. Throws MalformedError. */
export function checkOrigin(text: string): void {
  const [, scheme, authority = ''] = /^(https?):\/\/(.*)$/.exec(text) ?? []
  if (scheme === undefined || !isAuthority(authority)) {
    throw new MalformedError(
      'an origin is http or https, a host in lower case and perhaps a port, without a path or a slash at its end, such as https://mcp.example.com',
    )
  }
  if (authority.endsWith(scheme === 'http' ? ':80' : ':443')) {
    throw new MalformedError(`an origin has no port when it is the default of ${scheme}: leave it out`)
  }
}

/** Checks the URL of an upstream: http or https with a host, nothing hidden in it. Throws MalformedError. */
export function checkHttpUrl(text: string): void {
  const [, authority] = /^https?:\/\/([^/?#\\]+)(?:[/?][^#\\]*)?$/.exec(text) ?? []
  if (authority?.includes('@')) {
    throw new MalformedError(
      'a URL holds no user name or password: send credentials as a header, under headers',
    )
  }
  if (text.includes('#'))
    throw new MalformedError('a URL to send requests to has no fragment: leave out # and what follows')
  if (
    authority === undefined ||
    text.length > 2048 ||
    !/^[\x21-\x7e]*$/.test(text) ||
    !isAuthority(authority.toLowerCase())
  ) {
    throw new MalformedError(
      'a URL begins with http:// or https:// and a host, such as http://127.0.0.1:7878/mcp',
    )
  }
}

function isAuthority(text: string): boolean {
  const [, bracketed, plain, port] = /^(?:\[([^\]%]*)\]|([^:[\]]*))(?::([1-9][0-9]{0,4}))?$/.exec(text) ?? []
  if (port !== undefined && Number(port) > 65_535) return false
  if (bracketed !== undefined) return isIPv6(bracketed) && bracketed === bracketed.toLowerCase()
  return plain !== undefined && isHostName(plain)
}
