import type { Dispatcher } from 'undici'
import { isLoopback } from '../values/hosts.ts'
import { TokenUnavailable } from '../http/exchange/tokens.ts'
import type { SecretMethod } from './client-authentication.ts'
import { fetchMetadata, MetadataUnusable, type IssuerMetadata } from './discovery.ts'
import { sendRequest, failureName, readObject, type Outbound } from './outbound.ts'

/** The endpoint of an upstream, as calls reach it. */
export interface UpstreamEndpoint {
  readonly url: string
  readonly dispatcher: Dispatcher
  /** URL with its query. */
  readonly path: string
  readonly headers: readonly (readonly [string, string])[]
  /** Text that identifies this endpoint. */
  readonly identity: string
}

/** Settings of the token that discovery must agree with. */
export interface Expected {
  /** The only trusted issuer: the one in the file, or the one that issued a token before. */
  readonly issuer: string | undefined
  readonly resource: string | undefined
  /** The gateway would send a secret, which an impostor could use. */
  readonly secret: boolean
}

/** Authorization server of an upstream. */
export interface Discovered {
  readonly issuer: string
  readonly tokenUrl: string
  /** Resource that the upstream publishes. */
  readonly resource: string
  /** Client authentication methods of the issuer (RFC 8414 §2); undefined if it does not list them. */
  readonly methods: readonly unknown[] | undefined
}

const requestTimeoutMs = 5000
const wellKnown = '/.well-known/oauth-protected-resource'

/** Request of an unauthorized client, which makes the upstream send its challenge. */
const question = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' })

/**
 * Finds the token endpoint of an upstream each time that a token is needed. Its challenge or well-known URLs lead to its
 * metadata (RFC 9728 §3, §5), which names an issuer, whose metadata names the token endpoint (RFC 8414 §3). The metadata of
 * the upstream is read only from its own origin, and its scopes are ignored. A credential belongs to one issuer (MCP,
 * Authorization Server Binding): the first that issues a token for it is the only one from then on.
 *
 * @param fetch guarded fetch for the issuer's metadata; see `createOutbound`
 * @param onFound called when the token endpoint changes
 * @returns a function that runs `use` with the endpoint. It rejects with a TokenUnavailable when there is none, and as `use`
 *   does.
 */
export function createDiscovery(
  endpoint: UpstreamEndpoint,
  expected: Expected,
  fetch: Outbound,
  onFound: (place: Discovered) => void,
): <Result>(use: (place: Discovered) => Promise<Result>) => Promise<Result> {
  let { issuer } = expected
  let last = ''
  return async use => {
    const place = await discoverTokenEndpoint(endpoint, { ...expected, issuer }, fetch)
    const found = `${place.issuer} ${place.tokenUrl}`
    if (found !== last) onFound(place)
    last = found
    const result = await use(place)
    issuer = place.issuer
    return result
  }
}

async function discoverTokenEndpoint(
  endpoint: UpstreamEndpoint,
  expected: Expected,
  fetch: Outbound,
): Promise<Discovered> {
  const { resource, issuers } = await describedResource(endpoint, expected.resource)
  const issuer = expected.issuer ?? issuers[0]
  if (typeof issuer !== 'string') throw new TokenUnavailable('resource_metadata_malformed')
  if (!issuers.includes(issuer)) throw new TokenUnavailable('issuer_not_offered')
  assertSecure(issuer, 'issuer_insecure')
  if (expected.issuer === undefined && expected.secret && hostOf(issuer) !== hostOf(endpoint.url)) {
    throw new TokenUnavailable('issuer_not_pinned')
  }
  const { token_endpoint: tokenUrl, token_endpoint_auth_methods_supported: methods } = await issuerMetadata(
    issuer,
    fetch,
  )
  if (typeof tokenUrl !== 'string') throw new TokenUnavailable('token_endpoint_missing')
  assertSecure(tokenUrl, 'token_endpoint_insecure')
  return { issuer, tokenUrl, resource, methods: Array.isArray(methods) ? methods : undefined }
}

/** Chooses how to send a secret when the file does not say: by a method that the issuer supports. Throws TokenUnavailable. */
export function secretMethod(methods: readonly unknown[] | undefined): SecretMethod {
  // RFC 8414 §2: the default is client_secret_basic.
  if (methods === undefined || methods.includes('client_secret_basic')) return 'client_secret_basic'
  if (methods.includes('client_secret_post')) return 'client_secret_post'
  throw new TokenUnavailable('client_secret_not_taken')
}

async function describedResource(
  endpoint: UpstreamEndpoint,
  expected: string | undefined,
): Promise<{ resource: string; issuers: readonly unknown[] }> {
  const { origin, pathname } = new URL(endpoint.url)
  const whole = expected === undefined ? [endpoint.url.split('?', 1)[0], origin + pathname] : [expected]
  // The metadata of a host describes the whole host (RFC 9728 §3.3).
  const root = expected === undefined ? [...whole, origin, `${origin}/`] : whole
  const challenged = await challengedMetadata(endpoint).catch(failing('resource_metadata'))
  const places =
    challenged === undefined
      ? [
          { url: `${origin}${wellKnown}${pathname === '/' ? '' : pathname}`, names: whole },
          { url: `${origin}${wellKnown}`, names: root },
        ]
      : [{ url: challenged, names: whole }]
  let status = 0
  for (const { url, names } of places) {
    const answer = await sendRequest(url, {}, endpoint.dispatcher, requestTimeoutMs).catch(
      failing('resource_metadata'),
    )
    status = answer.status
    if (status !== 200) continue
    const { resource, authorization_servers: issuers } = readObject(answer.text) ?? {}
    if (typeof resource !== 'string' || !Array.isArray(issuers)) {
      throw new TokenUnavailable('resource_metadata_malformed')
    }
    if (!names.includes(resource)) throw new TokenUnavailable('resource_mismatch')
    return { resource, issuers }
  }
  throw new TokenUnavailable(`resource_metadata_${status}`)
}

/** Returns the metadata URL in the challenge of the upstream (RFC 9728 §5.1); undefined if there is none. */
async function challengedMetadata(endpoint: UpstreamEndpoint): Promise<string | undefined> {
  const { origin } = new URL(endpoint.url)
  const { statusCode, headers, body } = await endpoint.dispatcher.request({
    origin,
    path: endpoint.path,
    method: 'POST',
    headers: {
      ...Object.fromEntries(endpoint.headers),
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    },
    body: question,
    signal: AbortSignal.timeout(requestTimeoutMs),
  })
  body.on('error', () => {}).destroy()
  if (statusCode !== 401) return undefined
  const challenge = [headers['www-authenticate'] ?? []].flat().join(', ')
  const [, quoted, bare] = /\bresource_metadata\s*=\s*(?:"([^"]*)"|([^\s",]+))/i.exec(challenge) ?? []
  const url = quoted ?? bare
  if (url !== undefined && URL.parse(url)?.origin !== origin) {
    throw new TokenUnavailable('resource_metadata_elsewhere')
  }
  return url
}

async function issuerMetadata(issuer: string, fetch: Outbound): Promise<IssuerMetadata> {
  try {
    return await fetchMetadata(issuer, fetch)
  } catch (error) {
    if (error instanceof MetadataUnusable && error.code === 'mismatch') {
      throw new TokenUnavailable('issuer_mismatch')
    }
    return failing('issuer_metadata')(error)
  }
}

/** Checks the URL of an endpoint (RFC 8414 §2, RFC 6749 §3.2). Only loopback may do without TLS. */
function assertSecure(url: string, code: string): void {
  const parsed = URL.parse(url)
  const secure =
    parsed?.protocol === 'https:' || (parsed?.protocol === 'http:' && isLoopback(parsed.hostname))
  if (!secure || parsed.username !== '' || parsed.password !== '') throw new TokenUnavailable(code)
}

function hostOf(url: string): string | undefined {
  return URL.parse(url)?.hostname
}

/** Turns an error into a reason. */
function failing(what: string): (error: unknown) => never {
  return error => {
    if (error instanceof TokenUnavailable) throw error
    throw new TokenUnavailable(`${what}_${failureName(error)}`)
  }
}
