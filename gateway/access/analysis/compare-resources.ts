import { variantsOf } from '../uri-variants.ts'
import { classesOf } from './classes.ts'
import {
  decisionOn,
  listCount,
  listsOf,
  type Comparison,
  type Difference,
  type HeldAccess,
} from './held-access.ts'

/**
 * Compares what two sides allow, over all URIs. A URI is judged in each of its variants, both as written and decoded. So a
 * variant matches the lists of two classes: its own, and that of its decoded text. If no pair of classes differs, nothing is
 * gained or lost. A pair that differs is tried on `decide()` with a few URIs; without one that shows it, more *may* be gained
 * or lost.
 *
 * @returns undefined if the limit does not suffice
 */
export function compareResources(
  before: HeldAccess,
  after: HeldAccess,
  limit?: number,
): Comparison | undefined {
  const classes = classesOf([...listsOf(before, 'resource'), ...listsOf(after, 'resource')], limit)
  if (classes === undefined) return undefined
  const found = { gained: [] as Difference[], lost: [] as Difference[] }
  for (const { witness } of classes) {
    const shown = candidates(witness).map(uri => ({
      witness: uri,
      before: decisionOn(before, 'resource', uri),
      after: decisionOn(after, 'resource', uri),
    }))
    const gained = shown.find(one => one.after.allow && !one.before.allow)
    const lost = shown.find(one => one.before.allow && !one.after.allow)
    if (gained !== undefined) found.gained.push(gained)
    if (lost !== undefined) found.lost.push(lost)
  }
  const pairs = [...new Set(classes.flatMap(one => classes.map(other => one.lists | other.lists)))]
  const couldGain = (from: HeldAccess, to: HeldAccess, [was, is]: readonly [bigint, bigint]): boolean =>
    spellsOut(to, from) ||
    (passesAmbiguous(to) && !passesAmbiguous(from)) ||
    pairs.some(lists => permits(to, lists >> is) && !permits(from, lists >> was))
  return {
    ...found,
    ...(found.gained.length === 0 && couldGain(before, after, [0n, listCount]) && { mayGain: true }),
    ...(found.lost.length === 0 && couldGain(after, before, [listCount, 0n]) && { mayLose: true }),
  }
}

/** Returns URIs of which some are likely in the class of a witness, and have no other variant. */
export function candidates(witness: string): string[] {
  return [witness, `${witness}x`, `x:${witness}`, `x:${witness}x`]
}

/** Returns whether a variant that matches these lists is allowed; see listsOf. */
export function permits({ proxy, roles }: HeldAccess, lists: bigint): boolean {
  const [above, aboveDenied, granted, denied] = [1n, 2n, 4n, 8n].map(bit => (lists & bit) !== 0n)
  if (aboveDenied || (proxy.ceiling.resource.allow !== undefined && !above)) return false
  return proxy.open || (proxy.grantsOf(roles).length > 0 && granted === true && !denied)
}

/** Returns whether URIs that are too ambiguous to judge pass. */
function passesAmbiguous({ proxy }: HeldAccess): boolean {
  const { allow, deny } = proxy.ceiling.resource
  return proxy.open && allow === undefined && deny.rules.length === 0
}

/**
 * Returns whether one side has a rule that the other lacks, and that may allow a variant by spelling out what the variant
 * leaves out, such as a query. Without another side, every rule counts.
 */
export function spellsOut(side: HeldAccess, other?: HeldAccess): boolean {
  const known = new Set(other === undefined ? [] : allowed(other))
  return allowed(side).some(pattern => !known.has(pattern) && hasIgnoredPart(pattern))
}

function allowed({ proxy, roles }: HeldAccess): string[] {
  const sets = [proxy.ceiling, ...(proxy.open ? [] : proxy.grantsOf(roles))]
  return sets.flatMap(set => set.resource.allow?.rules.map(({ pattern }) => pattern) ?? [])
}

/** Returns whether a pattern writes a part that some server ignores: a query, a fragment, parameters, a user or a port. */
function hasIgnoredPart(pattern: string): boolean {
  const literal = pattern.replaceAll('\\', '')
  if (!/[*?]/.test(pattern.replaceAll(/\\./g, ''))) return variantsOf(literal)?.length !== 1
  return /[?#;@]|^[^:]+:\/\/[^/*]*(?:[A-Z:]|\.(?:\/|$))/.test(literal)
}
