import { createHash } from 'node:crypto'
import type { JwtAuth } from '../../schema/config.ts'
import type { Introspection } from '../auth/token/introspected-token.ts'
import { isLoopback } from '../values/hosts.ts'
import type { Secrets } from '../values/secrets.ts'
import type { Log } from '../observe/log.ts'
import type { Counters } from '../observe/metrics.ts'
import { authenticateClient, clientProof } from './client-authentication.ts'
import { discoverUrl } from './discovery.ts'
import { createIntrospection } from './introspection.ts'
import { IntrospectionFailed, requestIntrospection } from './introspection-endpoint.ts'
import { createOutbound } from './outbound.ts'
import type { Identified } from '../lib/usage-pool.ts'

/** Cached answers about an issuer's tokens. They outlive the snapshots that use them. */
export interface KeptIntrospection extends Introspection {
  close(): void
}

/** Introspection settings of an auth method. */
export interface IntrospectionMethod extends Pick<JwtAuth, 'issuer'> {
  readonly method: string
  readonly options: NonNullable<JwtAuth['introspection']>
  /** More hosts that may be internal. */
  readonly allowedHosts: readonly string[]
}

const discoverIntervalMs = 10 * 60_000
const maxAnswerBytes = 64 * 1024
/** Shortest time between two lines of the log, because made-up tokens may cause failures. */
const logIntervalMs = 10_000

/**
 * Creates a function that prepares introspection for an auth method: at its URL, or at the endpoint in the issuer's
 * metadata. Only the hosts of that URL, of the issuer and of the allowed hosts may be internal. Questions are counted, and
 * failures are logged.
 */
export function introspectWith(
  log: Log,
  metrics: Counters,
): (method: IntrospectionMethod, secrets: Secrets) => Identified<KeptIntrospection> {
  return ({ method, issuer, options, allowedHosts }, secrets) => {
    const { url, clientId } = options
    const { proof, identity } = clientProof(options, secrets)
    const parts = JSON.stringify([method, issuer, url, allowedHosts, identity])
    return {
      identity: createHash('sha256').update(parts).digest('hex'),
      create() {
        const named = new Set([new URL(url ?? issuer).hostname, ...allowedHosts])
        const outbound = createOutbound(named, { largest: maxAnswerBytes })
        const endpoint = url === undefined ? discovered(issuer, outbound.fetch) : async () => url
        let loggedAt = -Infinity
        const introspection = createIntrospection({
          async ask(token) {
            const place = await endpoint()
            const client = await authenticateClient(issuer, clientId, proof)
            return requestIntrospection(outbound.fetch, place, token, client)
          },
          asked(result, failure) {
            metrics.count('gatehouse_introspections_total', { method, result })
            if (failure === undefined || performance.now() - loggedAt < logIntervalMs) return
            loggedAt = performance.now()
            const error = failure.cause === undefined ? undefined : String(failure.cause)
            log.warn('introspection_failed', { auth: method, issuer, clientId, reason: failure.code, error })
          },
        })
        return { ...introspection, close: outbound.close }
      },
    }
  }
}

/**
 * Returns the introspection endpoint in the issuer's metadata. Fetches the metadata again from time to time, and after a
 * failure. The last endpoint stays in use while the metadata is unavailable.
 */
function discovered(
  issuer: string,
  fetch: ReturnType<typeof createOutbound>['fetch'],
): () => Promise<string> {
  let found: Promise<string> | undefined
  let foundAt = -Infinity
  let last: string | undefined
  const look = async (): Promise<string> => {
    const url = await discoverUrl('introspection_endpoint', issuer, fetch).catch((error: unknown) => {
      if (last !== undefined) return last
      throw new IntrospectionFailed('introspection_endpoint_unknown', 'unreachable', error)
    })
    if (url.startsWith('https:') || isLoopback(URL.parse(url)?.hostname ?? '')) return (last = url)
    throw new IntrospectionFailed('introspection_endpoint_insecure', 'unreachable')
  }
  return () => {
    if (found !== undefined && performance.now() - foundAt < discoverIntervalMs) return found
    foundAt = performance.now()
    const looking = look()
    looking.catch(() => {
      if (found === looking) found = undefined
    })
    return (found = looking)
  }
}
