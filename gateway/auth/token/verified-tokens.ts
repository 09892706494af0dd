import { BoundedMap } from '../../lib/bounded-map.ts'
import type { Principal } from '../principal.ts'
import type { TokenKeys } from './token-keys.ts'

/** Caches verified tokens, so that the next request with one costs only a look-up. */
export interface VerifiedTokens {
  /** Returns the principal of a token, by the SHA-256 of its text in hex; undefined if the token must be verified. */
  get(digest: string, now: number): Principal | undefined
  /** Caches the principal of a token of this length if the verification succeeds. Returns what the verification returns. */
  keep(now: number, length: number, verification: Promise<Principal>): Promise<Principal>
}

const maxAgeMs = 60_000
const maxTokens = 10_000
/** Largest length of all tokens together. Their claims are kept, too, and take many times as much memory. */
const maxTotalLength = 4 * 1024 * 1024

/**
 * Creates a cache. A token is dropped when it expires, when its issuer's keys change, or after a minute. When the cache is
 * full, the oldest is dropped first.
 */
export function createVerifiedTokens(
  keys: Pick<TokenKeys, 'generation'>,
  capacity: number = maxTokens,
): VerifiedTokens {
  const kept = new BoundedMap<string, { principal: Principal; until: number; length: number }>(capacity, {
    maxWeight: maxTotalLength,
    weigh: ({ length }) => length,
  })
  let generation = keys.generation()

  return {
    get(digest, now) {
      if (generation !== keys.generation()) {
        kept.clear()
        generation = keys.generation()
      }
      const entry = kept.get(digest)
      if (entry === undefined) return undefined
      if (now < entry.until) return entry.principal
      kept.delete(digest)
      return undefined
    },
    async keep(now, length, verification) {
      const begun = keys.generation()
      const principal = await verification
      // The token may not be valid under keys that changed in the meantime.
      if (keys.generation() !== begun) return principal
      kept.set(principal.digest!, { principal, until: Math.min(principal.expires, now + maxAgeMs), length })
      return principal
    },
  }
}
