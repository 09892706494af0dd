import { compareAccess } from '../access/analysis/compare-access.ts'
import type { Difference, HeldAccess } from '../access/analysis/held-access.ts'
import { ruleKinds, type RuleKind } from '../access/rules.ts'
import { toPointer } from '../config/document/pointer.ts'
import { ruleOf } from '../mcp/methods.ts'
import type { CallerClass } from './callers.ts'
import { certificateCallers } from './certificate-callers.ts'
import type { Change, NameChange } from './change.ts'
import { keyCallers } from './key-callers.ts'
import { noAccess, type Side } from './side.ts'
import { tokenCallers } from './token-callers.ts'

/** A caller without a credential. It reaches proxies with `auth: none` only, as everyone does. */
export const everyone: CallerClass = { labels: ['everyone'], rolesOn: () => undefined }

/** Returns what callers gain and lose on each proxy. Grants that are too many to try are one change of their own. */
export function accessChanges(before: Side, after: Side): Change[] {
  const tokens = tokenCallers(before, after)
  const certificates = certificateCallers(before, after)
  const callers = [everyone, ...keyCallers(before, after), ...(tokens ?? []), ...(certificates ?? [])]
  const proxies = new Set([...Object.keys(before.config.proxies), ...Object.keys(after.config.proxies)])
  const changes = [...proxies].flatMap(proxy => changesOf(proxy, callers, before, after))
  if (tokens === undefined || certificates === undefined)
    changes.push({
      risk: 'widens',
      path: '/auth',
      message: 'the grants are too many to compare, so their holders may gain access',
      undecided: true,
    })
  return changes
}

/** Callers with the same access on both sides. */
interface Group {
  readonly before: HeldAccess
  readonly after: HeldAccess
  readonly labels: string[]
}

function changesOf(proxy: string, callers: readonly CallerClass[], before: Side, after: Side): Change[] {
  const groups = new Map<string, Group>()
  for (const caller of callers) {
    const [was, is] = [heldBy(caller, before, proxy), heldBy(caller, after, proxy)]
    if (caller !== everyone && isEveryone(was) && isEveryone(is)) continue
    const key = JSON.stringify([was, is].map(held => [held === noAccess, held.roles]))
    const group = groups.get(key)
    if (group === undefined) groups.set(key, { before: was, after: is, labels: [...caller.labels] })
    else group.labels.push(...caller.labels)
  }
  return merge([...groups.values()].flatMap(group => compare(proxy, group)))
}

/** Returns whether a caller has no more access than everyone: on an open proxy, or none at all. */
function isEveryone(held: HeldAccess): boolean {
  return held.proxy.open || hasNone(held)
}

/** Returns the access of a caller to a proxy. */
export function heldBy(caller: CallerClass, side: Side, name: string): HeldAccess {
  const proxy = side.access(name)
  if (proxy === undefined) return noAccess
  if (proxy.open) return { proxy, roles: [] }
  const roles = caller.rolesOn(side, name)
  return roles === undefined ? noAccess : { proxy, roles }
}

/** A change of access before it is put into words. */
interface Draft {
  readonly risk: 'widens' | 'narrows'
  readonly proxy: string
  readonly callers: readonly string[]
  /** Set if the callers had no access before, or have none any more. */
  readonly whole: boolean
  readonly names: readonly NameChange[]
  /** Set if it cannot be decided whether names of a kind are gained or lost. */
  readonly undecided?: RuleKind
}

/** Returns what a group gains and loses. Callers who had no access, or have none any more, are one change. */
function compare(proxy: string, { before, after, labels }: Group): Draft[] {
  const comparisons = ruleKinds.map(kind => [kind, compareAccess(before, after, kind)] as const)
  const drafts: Draft[] = []
  for (const risk of ['widens', 'narrows'] as const) {
    const subject = { risk, proxy, callers: labels, whole: hasNone(risk === 'widens' ? before : after) }
    const names = comparisons.flatMap(([kind, found]) =>
      namesOf(kind, risk === 'widens' ? found?.gained : found?.lost),
    )
    if (subject.whole && names.length > 0) drafts.push({ ...subject, names: names.filter(isTelling) })
    else for (const one of names) drafts.push({ ...subject, names: [one] })
    for (const [kind, found] of comparisons) {
      const isDecided = found !== undefined && found[risk === 'widens' ? 'mayGain' : 'mayLose'] !== true
      if (!isDecided) drafts.push({ ...subject, names: [], undecided: kind })
    }
  }
  return drafts
}

/** Joins changes that are the same for several groups of callers. */
function merge(changes: readonly Draft[]): Change[] {
  const merged = new Map<string, Draft>()
  for (const draft of changes) {
    const id = JSON.stringify({ ...draft, callers: undefined })
    const known = merged.get(id)
    merged.set(id, known === undefined ? draft : { ...known, callers: [...known.callers, ...draft.callers] })
  }
  return [...merged.values()].map(describe)
}

/** Methods come with any access, except those that only a rule allows. */
function isTelling({ kind, witness }: NameChange): boolean {
  return kind !== 'method' || ruleOf(witness) === undefined
}

function hasNone({ proxy, roles }: HeldAccess): boolean {
  return !proxy.open && proxy.grantsOf(roles).length === 0
}

function namesOf(kind: RuleKind, differences: readonly Difference[] = []): NameChange[] {
  return differences.map(({ witness, before, after }) => ({
    kind,
    witness,
    before: before.rule,
    after: after.rule,
  }))
}

const verbs = { widens: 'gain', narrows: 'lose' } as const

function describe({ risk, proxy, callers, whole, names, undecided }: Draft): Change {
  const path = toPointer(['proxies', proxy])
  const access = { proxy, callers, names }
  if (undecided !== undefined) {
    const message = `${who(callers)} may ${verbs[risk]} ${undecided}s on ${proxy}: this cannot be decided`
    return { risk, path, message, undecided: true, access }
  }
  const verb = `${verbs[risk]}${callers.length === 1 ? 's' : ''}`
  const list = names.map(({ kind, witness }) => `${kind}s such as ${JSON.stringify(witness)}`).join(', ')
  const what = whole ? `access to ${proxy}${list === '' ? '' : `: ${list}`}` : `${list} on ${proxy}`
  return { risk, path, message: `${who(callers)} ${verb} ${what}`, access }
}

/** Names at most three callers. */
function who(callers: readonly string[]): string {
  const shown = callers.length > 3 ? [...callers.slice(0, 2), `${callers.length - 2} others`] : callers
  return shown.length === 1 ? shown[0]! : `${shown.slice(0, -1).join(', ')} and ${shown.at(-1)}`
}
