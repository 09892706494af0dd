import { matchGlob, parseGlob } from '../../values/glob.ts'
import type { NamedKind } from '../../mcp/methods.ts'
import { classesOf } from './classes.ts'
import { candidates, permits, spellsOut } from './compare-resources.ts'
import { decisionOn, listCount, listsOf, type HeldAccess } from './held-access.ts'

/** A name of a set that is allowed, and the rule that allows it, as a JSON pointer. */
export interface Granted {
  readonly witness: string
  readonly rule: string
}

/**
 * Returns a shortest name that matches a pattern and is allowed; undefined if there is none, which is then proved over all
 * names; `undecided` if that takes too long, or if a URI may be allowed but no example was found. A URI is in the set if it
 * matches decoded.
 */
export function grantedName(
  held: HeldAccess,
  kind: NamedKind,
  pattern: string,
): Granted | 'undecided' | undefined {
  const glob = parseGlob(pattern)
  const classes = classesOf([...listsOf(held, kind), [glob]])
  if (classes === undefined) return 'undecided'
  const inPattern = 1n << listCount
  const names = classes
    .filter(({ lists }) => (lists & inPattern) !== 0n)
    .flatMap(({ witness }) => (kind === 'resource' ? candidates(witness) : [witness]))
  for (const witness of names) {
    const { allow, rule } = decisionOn(held, kind, witness)
    if (allow && matchGlob(glob, witness)) return { witness, rule }
  }
  if (kind !== 'resource') return undefined
  // Every variant must be allowed, also the decoded one, which decodes to itself.
  const mayBe =
    spellsOut(held) || classes.some(({ lists }) => (lists & inPattern) !== 0n && permits(held, lists))
  return mayBe ? 'undecided' : undefined
}
