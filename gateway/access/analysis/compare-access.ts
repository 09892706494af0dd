import { isJudgedByName, ruleOf } from '../../mcp/methods.ts'
import { parseGlob, type Glob } from '../../values/glob.ts'
import { methodNames } from '../../values/method-names.ts'
import type { RuleKind } from '../rules.ts'
import { classesOf } from './classes.ts'
import { compareResources } from './compare-resources.ts'
import { decisionOn, listsOf, type Comparison, type HeldAccess } from './held-access.ts'

/**
 * Compares what two sides allow, over all names of a kind. For tools, prompts and methods the answer is exact: it asks
 * `decide()` about one name of each class that the rules of both sides tell apart. For resources, see compareResources.
 *
 * @param limit the largest number of positions that the walk may visit
 * @returns undefined if the limit does not suffice
 */
export function compareAccess(
  before: HeldAccess,
  after: HeldAccess,
  kind: RuleKind,
  limit?: number,
): Comparison | undefined {
  if (kind === 'resource') return compareResources(before, after, limit)
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
