import { Refusal } from '../../mcp/errors.ts'
import type { Jws } from '../jws.ts'
import type { Principal } from '../principal.ts'
import type { TokenKeys } from './token-keys.ts'

/** Checks that the tokens that open streams depend on are still signed with a key of their issuer. */
export interface Signatures {
  /** Records that the signature of a principal's token is valid under keys of this generation. */
  begin(principal: Principal, token: Jws, generation: number): void
  /**
   * Checks the signature again if the keys changed, without waiting.
   *
   * @returns the instant of the next review, in milliseconds since the epoch; Infinity if the keys are the same
   * @throws Refusal `credential_invalid`
   */
  review(principal: Principal, keys: TokenKeys, now: number): number
}

interface KeptToken {
  readonly token: Jws
  generation: number
  checking: boolean
  refusal?: Refusal
}

const recheckDelayMs = 250
/** Bounds the work when a key is added under ten thousand streams, so that no request waits for it. */
const maxConcurrentChecks = 500

/** Keeps the tokens of principals, each as long as its principal is referenced. */
export function createSignatures(): Signatures {
  const tokens = new WeakMap<Principal, KeptToken>()
  let checking = 0

  async function check(kept: KeptToken, keys: TokenKeys): Promise<void> {
    const under = keys.generation()
    kept.checking = true
    checking++
    try {
      await keys.verify(kept.token)
      kept.generation = under
    } catch (error) {
      // Missing keys say nothing about the token.
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
