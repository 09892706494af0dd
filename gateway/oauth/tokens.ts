import { createHash } from 'node:crypto'
import type { UpstreamAuth } from '../../schema/config.ts'
import type { Secrets } from '../values/secrets.ts'
import type { Subject, TokenSource } from '../http/exchange/tokens.ts'
import type { Log } from '../observe/log.ts'
import { authenticateClient, clientProof } from './client-authentication.ts'
import { createOutbound, type Outbound } from './outbound.ts'
import type { Identified } from '../lib/usage-pool.ts'
import { requestToken } from './token-endpoint.ts'
import { createTokenExchange } from './token-exchange.ts'
import {
  issuedTypes,
  namedResource,
  sendsResource,
  subjectParameters,
  tokenParameters,
} from './token-parameters.ts'
import { createTokenSource } from './token-source.ts'
import {
  createDiscovery,
  secretMethod,
  type Discovered,
  type UpstreamEndpoint,
} from './upstream-discovery.ts'

/** Dependencies of token sources. */
export interface TokenDependencies {
  /** More hosts that may be internal. */
  readonly allowedHosts: readonly string[]
  readonly log: Log
}

const maxLoggedLength = 256

/** A source of tokens that lives as long as a snapshot uses it. */
export interface KeptTokens {
  readonly source: TokenSource
  close(): void
}

/**
 * Creates the source of the tokens for one upstream.
 *
 * @param endpoint the upstream; its URL without the query is the default resource of tokens (RFC 8707 §2). Without a
 *   `tokenUrl`, it is asked for its authorization server.
 */
export function tokenSourceFor(
  auth: UpstreamAuth,
  endpoint: UpstreamEndpoint,
  secrets: Secrets,
  { allowedHosts, log }: TokenDependencies,
): Identified<KeptTokens> {
  const { tokenUrl, clientId } = auth
  const issuer = auth.type === 'client-credentials' ? auth.issuer : undefined
  const { proof, identity } = clientProof({ ...auth, method: auth.method }, secrets)
  const parameters = tokenParameters(auth, withoutQuery(endpoint.url))
  const { resource, audience } = parameters
  const request = async (
    fetch: Outbound,
    at: Omit<Discovered, 'resource'> & { readonly resource?: string },
    subject?: Subject,
  ): ReturnType<typeof requestToken> => {
    const proven =
      'privateKey' in proof ? proof : { ...proof, method: proof.method ?? secretMethod(at.methods) }
    const client = await authenticateClient(at.issuer, clientId, proven)
    const target = at.resource !== undefined && sendsResource(auth) ? { resource: at.resource } : {}
    const all = { ...parameters, ...target, ...(subject && subjectParameters(subject)), ...client.parameters }
    return requestToken(fetch, at.tokenUrl, client.headers, all, subject && issuedTypes)
  }
  const expected = { issuer, resource: namedResource(auth), secret: 'secret' in proof }
  const discovered = tokenUrl === undefined && [expected, endpoint.identity, allowedHosts]
  const parts = [tokenUrl, parameters, identity, discovered]
  const places = tokenUrl === undefined ? [endpoint.url, issuer ?? []].flat() : [tokenUrl]
  const named = new Set([...allowedHosts, ...places.map(url => new URL(url).hostname)])
  const shown = {
    tokenUrl: tokenUrl && withoutQuery(tokenUrl),
    issuer,
    clientId,
    resource: resource && withoutQuery(resource),
    audience: audience && withoutQuery(audience),
  }
  return {
    identity: createHash('sha256').update(JSON.stringify(parts)).digest('hex'),
    create() {
      const outbound = createOutbound(named)
      const found = (place: Discovered): void => {
        // The text comes from outside, and may be long and different each time.
        const [issuer, tokenUrl, resource] = [place.issuer, place.tokenUrl, place.resource].map(text =>
          withoutQuery(text).slice(0, maxLoggedLength),
        )
        log.info('upstream_issuer_discovered', { issuer, tokenUrl, clientId, resource })
      }
      const discover = createDiscovery(endpoint, expected, outbound.fetch, found)
      const next = (subject?: Subject): ReturnType<typeof requestToken> =>
        tokenUrl === undefined
          ? discover(place => request(outbound.fetch, place, subject))
          : request(outbound.fetch, { issuer: tokenUrl, tokenUrl, methods: undefined }, subject)
      const failed = ({ code }: { code: string }): void => {
        log.warn('upstream_token_failed', { ...shown, reason: code })
      }
      const source =
        auth.type === 'token-exchange' ? createTokenExchange(next, failed) : createTokenSource(next, failed)
      return { source, close: outbound.close }
    },
  }
}

function withoutQuery(url: string): string {
  return url.split('?', 1)[0]!
}
