import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http'
import { remember } from './remember.ts'

/** Headers that are about one connection (RFC 9110 §7.6.1), and the older ones that name it. */
const hopByHop = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]

/**
 * Request headers that stay here: what the gateway decides itself (Host, Origin, the type, length and coding
 * of bodies), credentials of the client, and what a client could only forge (who it is in front of a proxy,
 * or what it really asks for).
 */
export const withheldFromUpstream: readonly string[] = [
  ...hopByHop,
  'host',
  'origin',
  'content-length',
  'content-type',
  'content-encoding',
  'accept-encoding',
  'expect',
  'authorization',
  'cookie',
  'client-cert',
  'client-cert-chain',
  'x-client-cert',
  'x-ssl-cert',
  'forwarded',
  'proxy',
  'true-client-ip',
  'x-client-ip',
  'x-real-ip',
  'x-remote-user',
  'x-original-url',
  'x-rewrite-url',
  'x-http-method',
  'x-http-method-override',
  'x-method-override',
  'mcp-session-id',
]

/**
 * Whole families of them. A name with an underscore is the same name as one with a hyphen to CGI, WSGI and
 * the like, and so would pass for a header that was withheld; no withheld header begins as those of arguments do. What
 * begins with X-Gatehouse- is said by the gateway, or by nobody.
 */
function isForged(name: string): boolean {
  const first = name.charCodeAt(0)
  const suspect = first === 0x78 || first === 0x73
  return (
    (name.includes('_') && !name.startsWith('mcp-param-')) ||
    (suspect && /^(?:x-forwarded|x-gatehouse|x-ssl-client|ssl-client)-/.test(name))
  )
}

/** Says under what name a request header goes upstream: as it is written, or not at all. */
export type HeaderFilter = (name: string) => string | false

/** @param withheld lower-case names to leave out */
export function createHeaderFilter(withheld: Iterable<string>): HeaderFilter {
  const names = new Set(withheld)
  return remember(name => {
    const lower = name.toLowerCase()
    // The text itself, because one that was seen before is found faster where it is looked up next.
    return !names.has(lower) && !isForged(lower) && name
  })
}

/** Response headers that stay here: the upstream's hop, its cookies and challenges, its idea of who may read. */
const withheldFromClient = new Set([
  ...hopByHop,
  'alt-svc',
  'clear-site-data',
  'refresh',
  'x-accel-redirect',
  'x-sendfile',
  'set-cookie',
  'set-cookie2',
  'www-authenticate',
  'mcp-session-id',
])

/** The header names that a Connection header declares to be about this hop, in lower case; undefined for none. */
function namedByConnection(value: string | string[] | undefined): Set<string> | undefined {
  if (value === undefined || value === 'keep-alive' || value === 'close') return undefined
  const text = Array.isArray(value) ? value.join(',') : value
  return new Set(text.split(',').map(name => name.trim().toLowerCase()))
}

/**
 * The client's headers that go upstream, as a flat list of names and values.
 *
 * @param raw the request's `rawHeaders`
 * @param connection its Connection header
 */
export function upstreamHeaders(
  raw: readonly string[],
  connection: string | undefined,
  filter: HeaderFilter,
): string[] {
  const named = namedByConnection(connection)
  const kept: string[] = []
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = filter(raw[index]!)
    if (name !== false && named?.has(name.toLowerCase()) !== true) kept.push(name, raw[index + 1]!)
  }
  return kept
}

/** The upstream's headers that go to the client. */
export function clientHeaders(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  const named = namedByConnection(headers.connection)
  const kept: OutgoingHttpHeaders = {}
  for (const name in headers) {
    if (withheldFromClient.has(name) || named?.has(name) === true || name.startsWith('access-control-'))
      continue
    const value = headers[name]
    if (value !== undefined) kept[name] = value
  }
  return kept
}

/** The media type of a Content-Type header, in lower case and without parameters; empty where there is none. */
export function mediaType(value: string | string[] | undefined): string {
  const text = Array.isArray(value) ? (value[0] ?? '') : (value ?? '')
  return text.split(';', 1)[0]!.trim().toLowerCase()
}
