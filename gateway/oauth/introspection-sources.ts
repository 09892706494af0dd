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

/** What is remembered of an issuer's tokens; it outlives the snapshots that use it. */
export interface KeptIntrospection extends Introspection {
  close(): void
}

/** What an auth method says of it. */
export interface IntrospectionMethod extends Pick<JwtAuth, 'issuer'> {
  readonly method: string
  readonly options: NonNullable<JwtAuth['introspection']>
  /** Further hosts that may be internal ones. */
  readonly allowedHosts: readonly string[]
}

const discoverEvery = 10 * 60_000
const maxAnswerBytes = 64 * 1024
/** Between two lines of the log, because whoever makes tokens up may be able to make questions about them fail. */
const logEvery = 10_000

/**
 * Makes the function that prepares to ask the issuer of an auth method about tokens: at its URL, or where its metadata
 * says. Only the hosts of that URL, of the issuer and those allowed may be internal ones. Questions are counted; that
 * they fail stands in the log.
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
            if (failure === undefined || performance.now() - loggedAt < logEvery) return
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
 * Where the metadata of an issuer says that it is asked; looked up again from time to time, and when that failed. What
 * was found serves on while the metadata cannot be had.
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
    if (found !== undefined && performance.now() - foundAt < discoverEvery) return found
    foundAt = performance.now()
    const looking = look()
    looking.catch(() => {
      if (found === looking) found = undefined
    })
    return (found = looking)
  }
}
