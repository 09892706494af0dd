import { createBoundedMap } from '../../lib/bounded-map.ts'
import type { Principal } from '../principal.ts'
import type { TokenKeys } from './token-keys.ts'

/** Tokens that were verified a moment ago, so that the next request with one costs a look-up only. */
export interface VerifiedTokens {
  /** Whom a token proves, by the SHA-256 of its text in hex; undefined where it has to be verified. */
  get(digest: string, now: number): Principal | undefined
  /** Remembers what comes of verifying a token of this length, if anything good does; passes it on. */
  keep(now: number, length: number, verification: Promise<Principal>): Promise<Principal>
}

const longest = 60_000
const most = 10_000
/** Characters of all tokens together: what they claim is kept with them, and takes many times the room. */
const maxCachedLength = 4 * 1024 * 1024

/**
 * Remembers verified tokens until they expire, their issuer's keys change, or a minute has passed. The oldest make room.
 */
export function createVerifiedTokens(
  keys: Pick<TokenKeys, 'generation'>,
  capacity: number = most,
): VerifiedTokens {
  const kept = createBoundedMap<string, { principal: Principal; until: number; length: number }>(capacity, {
    maxWeight: maxCachedLength,
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
      // Under keys that changed meanwhile the token may be good no longer.
      if (keys.generation() !== begun) return principal
      kept.set(principal.digest!, { principal, until: Math.min(principal.expires, now + longest), length })
      return principal
    },
  }
}
