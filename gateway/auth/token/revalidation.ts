import { Refusal } from '../../mcp/errors.ts'
import type { Introspection } from './introspected-token.ts'
import type { Claims } from '../jws.ts'
import type { Principal } from '../principal.ts'

/** Whether tokens that something open stands on are still active, as their issuer says. */
export interface Revalidations {
  /** The token of this principal was active now, in milliseconds since the epoch. */
  begin(principal: Principal, token: string, now: number): void
  /**
   * Asks the issuer again, without waiting for the answer, where the last one counts no more.
   *
   * @returns when to look again, in milliseconds since the epoch, Infinity for a principal that nobody is asked about;
   *   and what the issuer says of the token, unless it is only now being asked
   * @throws Refusal `credential_invalid` or `issuer_unavailable`
   */
  review(principal: Principal, introspection: Introspection, now: number): Review
}

interface Review {
  readonly again: number
  readonly claims?: Claims | undefined
}

/** Milliseconds beyond the last answer that something open outlives. */
const graceMs = 60_000
/** What many stand on is looked at together, so that looking costs little. */
const roundingMs = 5000

/** Remembers the tokens of principals, for as long as anything holds the principal. */
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
