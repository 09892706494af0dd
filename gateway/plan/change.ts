import type { RuleKind } from '../access/rules.ts'

/**
 * The effect of a change. `widens`: somebody may do more, or could. `narrows`: somebody may do less. `breaks`: something that
 * works needs attention, such as a restart or a new address. `neutral`: none of these.
 */
export type Risk = 'widens' | 'narrows' | 'breaks' | 'neutral'

/** A change between two configurations. */
export interface Change {
  readonly risk: Risk
  /** The place in the configuration, as a JSON pointer; for access, that of the proxy. */
  readonly path: string
  /** A sentence that a reviewer understands. Contains no secret. */
  readonly message: string
  /** Set if the change is only possible: it cannot be decided. */
  readonly undecided?: true
  /** For access: what changes for whom. */
  readonly access?: AccessChange
}

/** The access that some callers gain or lose on a proxy. */
export interface AccessChange {
  readonly proxy: string
  /** Callers to whom the same happens: keys, tokens with these claims, certificates, everyone. */
  readonly callers: readonly string[]
  /** What is gained or lost. Empty if that cannot be decided. */
  readonly names: readonly NameChange[]
}

/** A class of names that is gained or lost. */
export interface NameChange {
  readonly kind: RuleKind
  /** A shortest name of the class. */
  readonly witness: string
  /** The places that decide about it, as JSON pointers; empty where nothing lets the callers in. */
  readonly before: string
  readonly after: string
}

/** The order in which risks are shown. */
export const risks = ['widens', 'breaks', 'narrows', 'neutral'] as const satisfies readonly Risk[]
