import type { Principal } from '../auth/principal.ts'
import { isShort } from './scopes.ts'
import { grantsOf, ruleKinds, type ProxyAccess, type RuleKind, type RuleSets } from './rules.ts'

type Roles = Pick<Principal, 'roles' | 'scopes'>

/**
 * Whether what a principal may do on a proxy shrank, judged by the patterns themselves: an allow that is
 * gone or a deny that is new counts, whether or not another pattern makes up for it.
 */
export function isAccessReduced(before: ProxyAccess, was: Roles, after: ProxyAccess, is: Roles): boolean {
  if (before.open !== after.open) return !after.open
  if (is.scopes !== undefined && isShort(before.scopes, was.scopes, after.scopes, is.scopes)) return true
  const then = grantsOf(before, was.roles)
  const now = grantsOf(after, is.roles)
  let compared = known.get(then)
  if (compared === undefined) known.set(then, (compared = new WeakMap()))
  let reduced = compared.get(now)
  if (reduced === undefined) compared.set(now, (reduced = isLess(before, then, after, now)))
  return reduced
}

/** What was found of two lists of grants, of which there are few, and streams that stand on them may be many. */
const known = new WeakMap<object, WeakMap<object, boolean>>()

function isLess(
  before: ProxyAccess,
  then: readonly RuleSets[],
  after: ProxyAccess,
  now: readonly RuleSets[],
): boolean {
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
function isUnlimited(sets: readonly RuleSets[], kind: RuleKind): boolean {
  return sets.some(set => set[kind].allow === undefined)
}

function patterns(sets: readonly RuleSets[], kind: RuleKind, list: 'allow' | 'deny'): Set<string> {
  return new Set(sets.flatMap(set => (set[kind][list]?.rules ?? []).map(rule => rule.pattern)))
}

function lost(from: ReadonlySet<string>, into: ReadonlySet<string>): boolean {
  return [...from].some(pattern => !into.has(pattern))
}
