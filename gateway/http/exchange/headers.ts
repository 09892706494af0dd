import { matchGlob, parseGlob } from '../../values/glob.ts'
import { memoize } from '../../lib/memoize.ts'

/** Headers of one connection (RFC 9110 §7.6.1), and the older ones that name it. */
export const hopByHop: readonly string[] = [
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
 * Request headers that are not forwarded: those that the gateway sets itself (Host, Origin, type, length and coding of
 * bodies), credentials of the client, and headers that only a proxy in front may set and a client could forge.
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
  'client-ip',
  'forwarded',
  'front-end-https',
  'proxy',
  'true-client-ip',
  'fastly-client-ip',
  'cdn-loop',
  'x-client-ip',
  'x-cluster-client-ip',
  'x-real-ip',
  'x-host',
  'x-rewrite-url',
  'x-http-method',
  'x-http-method-override',
  'x-http-destinationurl',
  'x-method-override',
  'x-user',
  'x-username',
  'x-userinfo',
  'x-groups',
  'x-identity',
  'x-jwt',
  'x-msisdn',
  'x-originating-ip',
  'x-role',
  'x-roles',
  'x-subject',
  'do-connecting-ip',
  'x-email',
  'x-id-token',
  'x-access-token',
  'x-anonymous-consumer',
  'mcp-session-id',
]

/**
 * Prefixes of headers by which proxies in front of a server identify the caller: nginx, Apache, Envoy, Kong, oauth2-proxy,
 * Authelia, authentik, Pomerium, Vouch, Teleport, Tailscale, Cloudflare, Fastly, and of the load balancers of Google,
 * Amazon and Microsoft; and prefixes of headers that change the request. Only the gateway sets X-Gatehouse- headers.
 */
const forgedFamilies = [
  'cf-',
  'cloudfront-',
  'fastly-',
  'fly-',
  'impersonate-',
  'iv-',
  'mellon-',
  'oam-',
  'oidc-',
  'proxy-',
  'remote-',
  'shib-',
  'sm-',
  'ssl-',
  'tailscale-',
  'teleport-',
  'wl-proxy-',
  'x-accel-',
  'x-amzn-mtls-',
  'x-amzn-oidc-',
  'x-amzn-request-context',
  'x-apigateway-',
  'x-appengine-',
  'x-arr-',
  'x-auth-',
  'x-auth-request-',
  'x-authelia-',
  'x-authenticated-',
  'x-authentik-',
  'x-azure-',
  'x-client-cert',
  'x-client-dn',
  'x-client-verify',
  'x-consumer-',
  'x-credential-',
  'x-endpoint-api-userinfo',
  'x-envoy-',
  'x-forwarded',
  'x-gatehouse-',
  'x-goog-',
  'x-hasura-',
  'x-http-',
  'x-iisnode-',
  'x-impersonate-',
  'x-internal-',
  'x-jwt-',
  'x-keycloak-',
  'x-middleware-',
  'x-ms-client-principal',
  'x-ms-token-',
  'x-nf-',
  'x-oauth-',
  'x-oidc-',
  'x-original-',
  'x-pomerium-',
  'x-principal',
  'x-remote-',
  'x-rewrite-',
  'x-saml-',
  'x-sendfile',
  'x-shib-',
  'x-spiffe-',
  'x-ssl-',
  'x-sso-',
  'x-tailscale-',
  'x-tls-client-',
  'x-token-',
  'x-user-',
  'x-vercel-',
  'x-vouch-',
  'x-webauth-',
]

/**
 * Matches whole families of headers. CGI, WSGI and the like read an underscore in a name as a hyphen, so such a name could
 * stand for a withheld header. Mcp-Param-* names may have one.
 */
function isForged(name: string): boolean {
  return (
    (name.includes('_') && !name.startsWith('mcp-param-')) ||
    forgedFamilies.some(family => name.startsWith(family))
  )
}

/** Returns the name under which a request header is forwarded; undefined if it is withheld. */
export type HeaderFilter = (name: string) => string | false

/** Headers of MCP and of event streams, which are always forwarded. */
function isOfProtocol(name: string): boolean {
  return name === 'accept' || name === 'last-event-id' || name.startsWith('mcp-')
}

/**
 * @param withheld lower-case names to leave out
 * @param forwarded patterns for the only names to forward; undefined for all
 */
export function createHeaderFilter(
  withheld: Iterable<string>,
  forwarded: readonly string[] | undefined,
): HeaderFilter {
  const names = new Set(withheld)
  const globs = forwarded?.map(pattern => parseGlob(pattern.toLowerCase()))
  const isForwarded = (name: string): boolean =>
    globs === undefined || isOfProtocol(name) || globs.some(glob => matchGlob(glob, name))
  return memoize(name => {
    const lower = name.toLowerCase()
    // The same string object as before, because V8 finds it faster in the next lookup.
    const hyphenated = lower.replaceAll('_', '-')
    return !names.has(lower) && !names.has(hyphenated) && !isForged(lower) && isForwarded(lower) && name
  })
}

/** Returns the header names that a Connection header lists, in lower case; undefined for none. */
export function namedByConnection(value: string | string[] | undefined): Set<string> | undefined {
  if (value === undefined || value === 'keep-alive' || value === 'close') return undefined
  const text = Array.isArray(value) ? value.join(',') : value
  return new Set(text.split(',').map(name => name.trim().toLowerCase()))
}

/**
 * Returns the client's headers to forward, as a flat list of names and values.
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

/** Returns the media type of a Content-Type header, in lower case and without parameters; empty if there is none. */
export function mediaType(value: string | string[] | undefined): string {
  return typeOf(Array.isArray(value) ? (value[0] ?? '') : (value ?? ''))
}

const typeOf = memoize(text => {
  const type = text.split(';', 1)[0]!
  // HTTP has no such white space: a browser would find no type in this, and guess.
  return (type.includes('\u00a0') ? type : type.trim()).toLowerCase()
})
