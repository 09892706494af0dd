import { createHash } from 'node:crypto'
import type { UpstreamAuth } from '../../schema/config.ts'
import { algorithmsFor, readPrivateKey } from '../config/key-material.ts'
import type { Secrets } from '../config/load.ts'
import type { TokenSource } from '../http/tokens.ts'
import type { Log } from '../observe/log.ts'
import { authenticateClient, type ClientProof } from './client-authentication.ts'
import { createOutbound, type Outbound } from './outbound.ts'
import { requestToken } from './token-endpoint.ts'
import { createTokenSource } from './token-source.ts'

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
 * The source of the token that one upstream gets, and its identity: sources with one identity are the same, and go on
 * over a reload.
 *
 * @param upstreamUrl the default of `resource`, without its query (RFC 8707 §2)
 */
export function tokenSourceFor(
  auth: UpstreamAuth,
  upstreamUrl: string,
  secrets: Secrets,
  { named, log }: TokenDependencies,
): { identity: string; create(): KeptTokens } {
  const { tokenUrl, clientId, scope, audience, method, keyId, algorithm } = auth
  const resource = auth.resource ?? withoutQuery(upstreamUrl)
  const secret = secrets((auth.clientSecret ?? auth.privateKey)!)
  const parameters = {
    grant_type: 'client_credentials',
    resource,
    ...(scope !== undefined && { scope }),
    ...(audience !== undefined && { audience }),
  }
  const request = async (fetch: Outbound): ReturnType<typeof requestToken> => {
    const client = await authenticateClient(tokenUrl, clientId, proof)
    return requestToken(fetch, tokenUrl, client.headers, { ...parameters, ...client.parameters })
  }
  const proof = auth.privateKey === undefined ? { method, secret } : proofByKey(secret, keyId, algorithm)
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
  const shown = { tokenUrl: withoutQuery(tokenUrl), clientId, resource: withoutQuery(resource) }
  return {
    identity: createHash('sha256').update(JSON.stringify(parts)).digest('hex'),
    create() {
      const outbound = createOutbound(named)
      const failed = ({ code }: { code: string }): void => {
        log.warn('upstream_token_failed', { ...shown, reason: code })
      }
      return {
        source: createTokenSource(() => request(outbound.fetch), failed),
        close: () => void outbound.close().catch(() => {}),
      }
    },
  }
}

function proofByKey(pem: string, keyId: string | undefined, algorithm: string | undefined): ClientProof {
  const key = readPrivateKey(pem)!
  return { method: 'private_key_jwt', key, keyId, algorithm: algorithm ?? algorithmsFor(key)[0]! }
}

function withoutQuery(url: string): string {
  return url.split('?', 1)[0]!
}
