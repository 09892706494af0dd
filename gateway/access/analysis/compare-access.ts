import { anonymous, type Principal } from '../../auth/principal.ts'
import { isJudgedByName, ruleOf } from '../../mcp/methods.ts'
import type { Operation } from '../../mcp/operation.ts'
import { parseGlob, type Glob } from '../../values/glob.ts'
import { methodNames } from '../../values/method-names.ts'
import { decide, type Decision } from '../decide.ts'
import type { RuleList } from '../matcher.ts'
import type { ProxyAccess, RuleKind } from '../rules.ts'
import { classesOf } from './classes.ts'

/** The access of the holders of some roles to a proxy. */
export interface HeldAccess {
  readonly proxy: ProxyAccess
  readonly roles: readonly string[]
}

/** A class of names that one side allows and the other does not. */
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
}

/** The kinds whose names are compared exactly. A resource is judged in several variants: see docs/resources.md. */
export type ComparedKind = Exclude<RuleKind, 'resource'>

/**
 * Compares what two sides allow, over all names of a kind. The answer is exact: it asks {@link decide} about one name of
 * each class that the rules of both sides tell apart.
 *
 * @param limit the largest number of positions that the walk may visit
 * @returns undefined if the limit does not suffice
 */
export function compareAccess(
  before: HeldAccess,
  after: HeldAccess,
  kind: ComparedKind,
  limit?: number,
): Comparison | undefined {
  const lists = [...listsOf(before, kind), ...listsOf(after, kind), ...(kind === 'method' ? classified : [])]
  const classes = classesOf(lists, limit)
  if (classes === undefined) return undefined
  const differences = classes.map(({ witness }) => ({
    witness,
    before: decisionOn(before, kind, witness),
    after: decisionOn(after, kind, witness),
  }))
  return {
    gained: differences.filter(one => one.after.allow && !one.before.allow),
    lost: differences.filter(one => one.before.allow && !one.after.allow),
  }
}

/** The methods that the rules for methods treat alike, whatever the configuration says. */
const classified: readonly (readonly Glob[])[] = [...groupMethods().values()]

function groupMethods(): Map<string, Glob[]> {
  const groups = new Map<string, Glob[]>()
  for (const name of methodNames) {
    const rule = ruleOf(name)!
    const group = `${rule.lifecycle === true} ${isJudgedByName(rule)}`
    groups.set(group, [...(groups.get(group) ?? []), parseGlob(name)])
  }
  return groups
}

/** Returns the lists that a decision depends on: what the ceiling allows and denies, and what any of the roles do. */
function listsOf({ proxy, roles }: HeldAccess, kind: ComparedKind): Glob[][] {
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
  const patterns = lists.flatMap(list => list?.rules.map(({ pattern }) => pattern) ?? [])
  return [...new Set(patterns)].map(parseGlob)
}

function decisionOn({ proxy, roles }: HeldAccess, kind: ComparedKind, name: string): Decision {
  const principal: Principal = { ...anonymous, roles }
  const operation: Operation =
    kind === 'method' ? { method: name, kind: 'other' } : { method: '', kind, name }
  return decide(proxy, principal, operation)
}
