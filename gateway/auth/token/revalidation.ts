import { Refusal } from '../../mcp/errors.ts'
import type { Introspection } from './introspected-token.ts'
import type { Claims } from '../jws.ts'
import type { Principal } from '../principal.ts'

/** Asks issuers whether the tokens that open streams depend on are still active. */
export interface Revalidations {
  /** Records that the token of a principal is active now, in milliseconds since the epoch. */
  begin(principal: Principal, token: string, now: number): void
  /**
   * Asks the issuer again if its last answer is stale, without waiting.
   *
   * @returns the instant of the next review, in milliseconds since the epoch, or Infinity for a principal without
   *   introspection; and the issuer's claims, unless its answer is still pending
   * @throws Refusal `credential_invalid` or `issuer_unavailable`
   */
  review(principal: Principal, introspection: Introspection, now: number): Review
}

interface Review {
  readonly again: number
  readonly claims?: Claims | undefined
}

/** How long a stream may stay open after the last answer became stale. */
const graceMs = 60_000
/** Reviews are rounded to this, so that those of many streams run together. */
const roundingMs = 5000

/** Keeps the tokens of principals, each as long as its principal is referenced. */
export function createRevalidations(): Revalidations {
  const tokens = new WeakMap<Principal, { readonly token: string; goodUntil: number }>()
  return {
    begin: (principal, token, now) => void tokens.set(principal, { token, goodUntil: now }),
    review(principal, introspection, now) {
      const kept = tokens.get(principal)
      if (kept === undefined) return { again: Infinity }
      const answer = introspection.recall(kept.token, principal.digest!)
      if (answer !== undefined) kept.goodUntil = answer.until
      if (now >= kept.goodUntil + graceMs) {
        throw new Refusal('token_not_revalidated')
      }
      const again = (Math.floor((answer?.until ?? now) / roundingMs) + 1) * roundingMs
      return { again, claims: answer?.claims }
    },
  }
}
