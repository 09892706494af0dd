import { createHash } from 'node:crypto'
import type { UpstreamAuth } from '../../schema/config.ts'
import { algorithmsFor, readPrivateKey } from '../config/key-material.ts'
import type { Secrets } from '../config/load.ts'
import type { Subject, TokenSource } from '../http/tokens.ts'
import type { Log } from '../observe/log.ts'
import { authenticateClient, type ClientProof } from './client-authentication.ts'
import { createOutbound, type Outbound } from './outbound.ts'
import { requestToken } from './token-endpoint.ts'
import { createTokenExchange } from './token-exchange.ts'
import { createTokenSource } from './token-source.ts'

/** RFC 8693 §3. */
const tokenTypes = {
  access_token: 'urn:ietf:params:oauth:token-type:access_token',
  jwt: 'urn:ietf:params:oauth:token-type:jwt',
} as const
const issuedTypes: ReadonlySet<unknown> = new Set(Object.values(tokenTypes))

/** What tokens are got with. */
export interface TokenDependencies {
  /** The hosts that the configuration names; see `createOutbound`. */
  readonly named: ReadonlySet<string>
  readonly log: Log
}

/** A source of tokens that is kept as long as a snapshot uses it. */
export interface KeptTokens {
  readonly source: TokenSource
  close(): void
}

/**
 * The source of the tokens that one upstream gets, and its identity: sources with one identity are the same, and go on
 * over a reload.
 *
 * @param upstreamUrl without its query, what tokens are for where nothing else is said (RFC 8707 §2)
 */
export function tokenSourceFor(
  auth: UpstreamAuth,
  upstreamUrl: string,
  secrets: Secrets,
  { named, log }: TokenDependencies,
): { identity: string; create(): KeptTokens } {
  const { tokenUrl, clientId, method, keyId, algorithm } = auth
  const secret = secrets((auth.clientSecret ?? auth.privateKey)!)
  const proof = auth.privateKey === undefined ? { method, secret } : proofByKey(secret, keyId, algorithm)
  const parameters = parametersOf(auth, withoutQuery(upstreamUrl))
  const request = async (fetch: Outbound, subject?: Subject): ReturnType<typeof requestToken> => {
    const client = await authenticateClient(tokenUrl, clientId, proof)
    const all = { ...parameters, ...(subject && subjectParameters(subject)), ...client.parameters }
    return requestToken(fetch, tokenUrl, client.headers, all, subject && issuedTypes)
  }
  const parts = [
    tokenUrl,
    clientId,
    parameters,
    method,
    keyId,
    algorithm,
    auth.privateKey === undefined,
    secret,
  ]
  const { resource, audience } = parameters
  const shown = {
    tokenUrl: withoutQuery(tokenUrl),
    clientId,
    resource: resource && withoutQuery(resource),
    audience: audience && withoutQuery(audience),
  }
  return {
    identity: createHash('sha256').update(JSON.stringify(parts)).digest('hex'),
    create() {
      const outbound = createOutbound(named)
      const failed = ({ code }: { code: string }): void => {
        log.warn('upstream_token_failed', { ...shown, reason: code })
      }
      const source =
        auth.type === 'token-exchange'
          ? createTokenExchange(subject => request(outbound.fetch, subject), failed)
          : createTokenSource(() => request(outbound.fetch), failed)
      return { source, close: () => void outbound.close().catch(() => {}) }
    },
  }
}

/** What is asked for: RFC 6749 §4.4.2 with RFC 8707 §2, or RFC 8693 §2.1 but for the subject. */
function parametersOf(auth: UpstreamAuth, upstreamUrl: string): Readonly<Record<string, string>> {
  const { scope, audience } = auth
  const asked = { ...(scope !== undefined && { scope }), ...(audience !== undefined && { audience }) }
  if (auth.type === 'client-credentials') {
    return { grant_type: 'client_credentials', resource: auth.resource ?? upstreamUrl, ...asked }
  }
  // Either names a target, and a token is asked for all that are named.
  const resource = auth.resource ?? (audience === undefined ? upstreamUrl : undefined)
  return {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    ...(resource !== undefined && { resource }),
    ...asked,
    requested_token_type: tokenTypes[auth.requestedTokenType],
  }
}

function subjectParameters({ token }: Subject): Readonly<Record<string, string>> {
  return { subject_token: token, subject_token_type: tokenTypes.access_token }
}

function proofByKey(pem: string, keyId: string | undefined, algorithm: string | undefined): ClientProof {
  const key = readPrivateKey(pem)!
  return { method: 'private_key_jwt', key, keyId, algorithm: algorithm ?? algorithmsFor(key)[0]! }
}

function withoutQuery(url: string): string {
  return url.split('?', 1)[0]!
}
