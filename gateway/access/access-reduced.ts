import type { Principal } from '../auth/principal.ts'
import { isShort } from './scopes.ts'
import { ruleKinds, type Grants, type ProxyAccess, type RuleKind } from './rules.ts'

type Roles = Pick<Principal, 'roles' | 'scopes'>

/**
 * Returns whether a principal may do less on a proxy than before, judged by the patterns themselves: an allow that is
 * gone or a deny that is new counts, even if another pattern makes up for it.
 */
export function isAccessReduced(before: ProxyAccess, was: Roles, after: ProxyAccess, is: Roles): boolean {
  if (before.open !== after.open) return !after.open
  if (is.scopes !== undefined && isShort(before.scopes, was.scopes, after.scopes, is.scopes)) return true
  const then = before.grantsOf(was.roles)
  const now = after.grantsOf(is.roles)
  let compared = after.reductions.get(then)
  if (compared === undefined) after.reductions.set(then, (compared = new WeakMap()))
  let reduced = compared.get(now)
  if (reduced === undefined) compared.set(now, (reduced = isLess(before, then, after, now)))
  return reduced
}

function isLess(before: ProxyAccess, then: Grants, after: ProxyAccess, now: Grants): boolean {
  if (then.length > 0 && now.length === 0) return true
  return ruleKinds.some(
    kind =>
      (isUnlimited(then, kind) && !isUnlimited(now, kind)) ||
      lost(patterns(then, kind, 'allow'), patterns(now, kind, 'allow')) ||
      lost(patterns(now, kind, 'deny'), patterns(then, kind, 'deny')) ||
      lost(patterns([after.ceiling], kind, 'deny'), patterns([before.ceiling], kind, 'deny')) ||
      (after.ceiling[kind].allow !== undefined &&
        (before.ceiling[kind].allow === undefined ||
          lost(patterns([before.ceiling], kind, 'allow'), patterns([after.ceiling], kind, 'allow')))),
  )
}

/** Whether some grant has no list of what it allows; of methods it allows the classified ones then. */
function isUnlimited(sets: Grants, kind: RuleKind): boolean {
  return sets.some(set => set[kind].allow === undefined)
}

function patterns(sets: Grants, kind: RuleKind, list: 'allow' | 'deny'): Set<string> {
  return new Set(sets.flatMap(set => (set[kind][list]?.rules ?? []).map(rule => rule.pattern)))
}

function lost(from: ReadonlySet<string>, into: ReadonlySet<string>): boolean {
  return [...from].some(pattern => !into.has(pattern))
}
