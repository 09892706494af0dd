import type { Config } from '../../schema/config.ts'
import { toPointer } from '../config/document/pointer.ts'
import { restartFields } from '../config/static-fields.ts'
import type { Change, Risk } from './change.ts'
import { computed, orderOf } from './fields.ts'
import { secretChanges } from './secret-changes.ts'

/** Maps of objects with a name: one that comes or goes is one change. */
const objects = {
  keys: ['key', 'widens', 'narrows'],
  proxies: ['proxy', 'neutral', 'breaks'],
  auth: ['auth method', 'neutral', 'neutral'],
  roles: ['role', 'neutral', 'neutral'],
} as const satisfies Record<string, readonly [noun: string, added: Risk, removed: Risk]>

/** Returns the changes of all fields, except those whose effect on access is computed. */
export function fieldChanges(before: Config, after: Config): Change[] {
  const changes = [...restartChanges(before, after)]
  const common = { before: { ...before }, after: { ...after } } as Record<
    'before' | 'after',
    Record<string, unknown>
  >
  for (const [map, [noun, added, removed]] of Object.entries(objects)) {
    const [was, is] = [before[map as 'keys'] ?? {}, after[map as 'keys'] ?? {}]
    for (const name of new Set([...Object.keys(was), ...Object.keys(is)])) {
      const path = toPointer([map, name])
      if (!Object.hasOwn(was, name)) changes.push({ risk: added, path, message: `${noun} ${name} is new` })
      else if (!Object.hasOwn(is, name))
        changes.push({ risk: removed, path, message: `${noun} ${name} is removed` })
      else if (map === 'keys')
        changes.push(...secretChanges(name, before.keys[name]!.secrets, after.keys[name]!.secrets))
    }
    common.before[map] = pick(was, name => Object.hasOwn(is, name))
    common.after[map] = pick(is, name => Object.hasOwn(was, name))
  }
  const [was, is] = [flatten(common.before), flatten(common.after)]
  for (const path of new Set([...was.keys(), ...is.keys()])) {
    const [old, now] = [was.get(path), is.get(path)]
    if (JSON.stringify(old?.value) === JSON.stringify(now?.value)) continue
    changes.push(...fieldChange((old ?? now)!.path, old?.value, now?.value))
  }
  return changes
}

function* restartChanges(before: Config, after: Config): Generator<Change> {
  for (const { pointer, of } of restartFields) {
    if (of(before) === of(after)) continue
    const message = `${pointer} takes effect only after a restart: a running gateway refuses this change`
    yield { risk: 'breaks', path: pointer, message }
  }
}

function pick(
  map: Readonly<Record<string, unknown>>,
  keep: (name: string) => boolean,
): Record<string, unknown> {
  return Object.fromEntries(Object.entries(map).filter(([name]) => keep(name)))
}

interface Field {
  readonly path: readonly string[]
  readonly value: unknown
}

/** Returns each field of a tree by its pointer. Lists and references to secrets are one field each. */
function flatten(
  tree: unknown,
  path: readonly string[] = [],
  found = new Map<string, Field>(),
): Map<string, Field> {
  const children = childrenOf(tree)
  if (children !== undefined) for (const [name, child] of children) flatten(child, [...path, name], found)
  else if (tree !== undefined) found.set(toPointer(path), { path, value: tree })
  return found
}

const referenceFields: ReadonlySet<string> = new Set(['env', 'file', 'value', 'scheme'])

function childrenOf(tree: unknown): [string, unknown][] | undefined {
  if (typeof tree !== 'object' || tree === null || Array.isArray(tree)) return undefined
  const children = Object.entries(tree)
  const isReference = children.length > 0 && children.every(([name]) => referenceFields.has(name))
  return isReference ? undefined : children
}

function fieldChange(path: readonly string[], before: unknown, after: unknown): Change[] {
  const order = orderOf(path)
  if (order === computed) return []
  const risks = order === undefined ? (['widens'] as const) : order(before, after)
  const verb = before === undefined ? 'is set' : after === undefined ? 'is removed' : 'changes'
  return risks.map(risk => ({ risk, path: toPointer(path), message: `${path.join('.')} ${verb}` }))
}
