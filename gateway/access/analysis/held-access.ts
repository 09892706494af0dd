import { anonymous } from '../../auth/principal.ts'
import type { Operation } from '../../mcp/operation.ts'
import { parseGlob, type Glob } from '../../values/glob.ts'
import { decide, type Decision } from '../decide.ts'
import type { RuleList } from '../matcher.ts'
import type { ProxyAccess, RuleKind } from '../rules.ts'

/** The access of the holders of some roles to a proxy. */
export interface HeldAccess {
  readonly proxy: ProxyAccess
  readonly roles: readonly string[]
}

/** A name that one side allows and the other does not. It stands for its class. */
export interface Difference {
  /** A shortest name of the class. */
  readonly witness: string
  readonly before: Decision
  readonly after: Decision
}

/** The classes of names that are gained, and those that are lost. */
export interface Comparison {
  readonly gained: readonly Difference[]
  readonly lost: readonly Difference[]
  /** Set if more may be gained or lost than the names above: of resources, not everything is decided. */
  readonly mayGain?: true
  readonly mayLose?: true
}

/** Number of lists that {@link listsOf} returns. */
export const listCount = 4n

/**
 * Returns the lists that a decision about a name depends on: what the ceiling allows and denies, and what the roles allow
 * and deny together.
 */
export function listsOf({ proxy, roles }: HeldAccess, kind: RuleKind): Glob[][] {
  const ceiling = proxy.ceiling[kind]
  const grants = proxy.open ? [] : proxy.grantsOf(roles)
  return [
    globsOf([ceiling.allow]),
    globsOf([ceiling.deny]),
    globsOf(grants.map(sets => sets[kind].allow)),
    globsOf(grants.map(sets => sets[kind].deny)),
  ]
}

function globsOf(lists: readonly (RuleList | undefined)[]): Glob[] {
  return [...new Set(lists.flatMap(list => list?.spellings() ?? []))].map(parseGlob)
}

/** Returns the decision about a name of a kind, whatever the method. */
export function decisionOn({ proxy, roles }: HeldAccess, kind: RuleKind, name: string): Decision {
  const operation: Operation =
    kind === 'method' ? { method: name, kind: 'other' } : { method: '', kind, name }
  return decide(proxy, { ...anonymous, roles }, operation)
}
