import type { Principal } from '../principal.ts'
import { createRevalidations, type Revalidations } from './revalidation.ts'
import { createSignatures, type Signatures } from './signatures.ts'

/** What is known of the tokens that something open stands on; it outlives the snapshots. */
export interface OpenTokens {
  readonly signatures: Signatures
  readonly revalidations: Revalidations
  /** Principals whose token says nothing itself: their claims come from introspection. */
  readonly introspected: WeakSet<Principal>
}

/** Begins with no tokens. */
export function createOpenTokens(): OpenTokens {
  return {
    signatures: createSignatures(),
    revalidations: createRevalidations(),
    introspected: new WeakSet(),
  }
}
