import { Refusal } from '../../mcp/errors.ts'
import type { Jws } from '../jws.ts'
import type { Principal } from '../principal.ts'
import type { TokenKeys } from './token-keys.ts'

/** Whether tokens that something open stands on are still signed with a key of their issuer. */
export interface Signatures {
  /** The signature of this principal's token is good under keys of this generation. */
  begin(principal: Principal, token: Jws, generation: number): void
  /**
   * Checks it again, without waiting for what comes of it, where the keys are others now.
   *
   * @returns when to look again, in milliseconds since the epoch; Infinity where the keys are the same
   * @throws Refusal `credential_invalid`
   */
  review(principal: Principal, keys: TokenKeys, now: number): number
}

interface Kept {
  readonly token: Jws
  generation: number
  checking: boolean
  refusal?: Refusal
}

const recheckDelayMs = 250
/** So that ten thousand streams, checked at once because a key was added, keep no request waiting. */
const maxConcurrentChecks = 500

/** Remembers the tokens of principals, for as long as anything holds the principal. */
export function createSignatures(): Signatures {
  const tokens = new WeakMap<Principal, Kept>()
  let checking = 0

  async function check(kept: Kept, keys: TokenKeys): Promise<void> {
    const under = keys.generation()
    kept.checking = true
    checking++
    try {
      await keys.verify(kept.token)
      kept.generation = under
    } catch (error) {
      // That there are no keys at present says nothing of the token.
      if (error instanceof Refusal && error.reason === 'credential_invalid') kept.refusal = error
    } finally {
      kept.checking = false
      checking--
    }
  }

  return {
    begin: (principal, token, generation) =>
      void tokens.set(principal, { token, generation, checking: false }),
    review(principal, keys, now) {
      const kept = tokens.get(principal)
      if (kept === undefined) return Infinity
      if (kept.refusal !== undefined) throw kept.refusal
      const generation = keys.generation()
      if (generation === kept.generation || generation === 0) return Infinity
      if (!kept.checking && checking < maxConcurrentChecks) void check(kept, keys)
      return now + recheckDelayMs
    },
  }
}
