import type { Principal } from '../principal.ts'
import { createRevalidations, type Revalidations } from './revalidation.ts'
import { createSignatures, type Signatures } from './signatures.ts'

/** The state of the tokens that open streams and sessions depend on. It outlives snapshots. */
export interface OpenTokens {
  readonly signatures: Signatures
  readonly revalidations: Revalidations
  /** Principals with an opaque token: their claims come from introspection. */
  readonly introspected: WeakSet<Principal>
}

/** Creates the state without tokens. */
export function createOpenTokens(): OpenTokens {
  return {
    signatures: createSignatures(),
    revalidations: createRevalidations(),
    introspected: new WeakSet(),
  }
}
