import type { Principal } from '../../auth/principal.ts'
import { ruleKinds, type Grants, type ProxyAccess, type RuleKind } from '../rules.ts'
import { losesScope } from '../scopes.ts'
import { compareAccess } from './compare-access.ts'
import type { HeldAccess } from './held-access.ts'

type Roles = Pick<Principal, 'roles' | 'scopes'>

/** Largest number of positions to visit for one comparison: about two milliseconds. */
const maxVisits = 20_000

/**
 * Returns whether a principal may do less on a proxy than before, over all names. If an exact answer takes too long, or if
 * URIs may be lost, a removed allow or a new deny counts, even if another pattern makes up for it.
 */
export function isAccessReduced(before: ProxyAccess, was: Roles, after: ProxyAccess, is: Roles): boolean {
  if (before.open !== after.open) return !after.open
  if (is.scopes !== undefined && losesScope(before.scopes, was.scopes, after.scopes, is.scopes)) return true
  const then = before.grantsOf(was.roles)
  const now = after.grantsOf(is.roles)
  let known = after.reductions.get(then)
  if (known === undefined) after.reductions.set(then, (known = new WeakMap()))
  let reduced = known.get(now)
  if (reduced === undefined) {
    reduced = isLess({ proxy: before, roles: was.roles }, { proxy: after, roles: is.roles })
    known.set(now, reduced)
  }
  return reduced
}

function isLess(before: HeldAccess, after: HeldAccess): boolean {
  const then = before.proxy.grantsOf(before.roles)
  const now = after.proxy.grantsOf(after.roles)
  if (then.length > 0 && now.length === 0) return true
  return ruleKinds.some(kind => {
    if (!losesPattern(before.proxy, then, after.proxy, now, kind)) return false
    const found = compareAccess(before, after, kind, maxVisits)
    return found === undefined || found.lost.length > 0 || found.mayLose === true
  })
}

/** Returns whether an allow is gone or a deny is new. If not, nothing is lost. */
function losesPattern(
  before: ProxyAccess,
  then: Grants,
  after: ProxyAccess,
  now: Grants,
  kind: RuleKind,
): boolean {
  return (
    (isUnlimited(then, kind) && !isUnlimited(now, kind)) ||
    lost(patterns(then, kind, 'allow'), patterns(now, kind, 'allow')) ||
    lost(patterns(now, kind, 'deny'), patterns(then, kind, 'deny')) ||
    lost(patterns([after.ceiling], kind, 'deny'), patterns([before.ceiling], kind, 'deny')) ||
    (after.ceiling[kind].allow !== undefined &&
      (before.ceiling[kind].allow === undefined ||
        lost(patterns([before.ceiling], kind, 'allow'), patterns([after.ceiling], kind, 'allow'))))
  )
}

/** Returns whether a grant has no allow list. Of methods, such a grant allows the classified ones. */
function isUnlimited(sets: Grants, kind: RuleKind): boolean {
  return sets.some(set => set[kind].allow === undefined)
}

function patterns(sets: Grants, kind: RuleKind, list: 'allow' | 'deny'): Set<string> {
  return new Set(sets.flatMap(set => (set[kind][list]?.rules ?? []).map(rule => rule.pattern)))
}

function lost(from: ReadonlySet<string>, into: ReadonlySet<string>): boolean {
  return [...from].some(pattern => !into.has(pattern))
}
