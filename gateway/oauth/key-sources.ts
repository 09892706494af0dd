import type { Log } from '../observe/log.ts'
import type { Counters } from '../observe/metrics.ts'
import { discoverUrl } from './discovery.ts'
import { createIssuerKeys, type IssuerKeys } from './jwks.ts'
import { createOutbound } from './outbound.ts'

/** Source of the keys of an auth method. */
export interface KeyPlace {
  readonly method: string
  readonly issuer: string
  /** URL of the key set; undefined if the issuer's metadata names it. */
  readonly url: string | undefined
  /** More hosts that may be internal. */
  readonly allowedHosts: readonly string[]
}

/**
 * Creates a function that starts to fetch the keys of an issuer: from a URL, or from the one in its metadata. Only the
 * hosts of that URL, of the issuer and of the allowed hosts may be internal. Fetches are counted. The log reports when they
 * start to fail, and when they succeed again.
 *
 * @param onFetched called after each fetch: the keys may have changed
 */
export function fetchKeysWith(
  log: Log,
  metrics: Counters,
  onFetched: () => void,
): (place: KeyPlace) => IssuerKeys {
  return ({ method, issuer, url, allowedHosts }) => {
    const outbound = createOutbound(new Set([new URL(url ?? issuer).hostname, ...allowedHosts]))
    let failing: boolean | undefined
    return createIssuerKeys({
      method,
      async fetch() {
        const { status, text } = await outbound.fetch(
          url ?? (await discoverUrl('jwks_uri', issuer, outbound.fetch)),
        )
        if (status !== 200) throw new Error(`the keys are answered with status ${status}`)
        return text
      },
      fetched(error) {
        const failed = error !== undefined
        metrics.count('gatehouse_jwks_fetches_total', { method, result: failed ? 'failed' : 'fetched' })
        if (failed && failing !== true)
          log.warn('jwks_unavailable', { auth: method, issuer, error: String(error) })
        else if (!failed && failing !== false) log.info('jwks_fetched', { auth: method, issuer })
        failing = failed
        if (!failed) onFetched()
      },
      close: outbound.close,
    })
  }
}

/** Returns the age of the keys of each auth method, for the gauge. */
export function agesOf(keys: readonly IssuerKeys[]): [{ method: string }, number][] {
  return keys.flatMap(one => {
    const age = one.age()
    return age === undefined
      ? []
      : [[{ method: one.method }, Math.round(age)] as [{ method: string }, number]]
  })
}
