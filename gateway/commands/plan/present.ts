import { risks, type Change, type Risk } from '../../plan/change.ts'
import { printable, printableJson } from '../../lib/printable.ts'

/** Returns where a pointer is, with its text: of each configuration. */
export interface Places {
  before(pointer: string): string | undefined
  after(pointer: string): string | undefined
}

const signs = { widens: '+', breaks: '!', narrows: '-', neutral: ' ' } as const satisfies Record<Risk, string>
const colors = { widens: 31, breaks: 33, narrows: 32, neutral: 2 } as const satisfies Record<Risk, number>

/** Returns how many changes have each risk, such as `2 widen, 1 narrows`. */
export function summaryOf(changes: readonly Change[]): string {
  if (changes.length === 0) return 'no changes'
  const counts = risks.flatMap(risk => {
    const count = changes.filter(change => change.risk === risk).length
    return count === 0 ? [] : [`${count} ${risk}`]
  })
  return `${changes.length} ${changes.length === 1 ? 'change' : 'changes'}: ${counts.join(', ')}`
}

/** Returns changes as text: each with its risk, and the rules that decided before and decide after. */
export function textOfPlan(changes: readonly Change[], places: Places, color: boolean): string {
  const lines = changes.flatMap(change => {
    const text = `${signs[change.risk]} ${change.risk.padEnd(7)} ${printable(change.message)}`
    const rules = rulesOf(change, places).map(rule => `          ${printable(rule)}`)
    return [color ? `\u001b[${colors[change.risk]}m${text}\u001b[0m` : text, ...rules]
  })
  return `${[...lines, summaryOf(changes)].join('\n')}\n`
}

/** Returns the places of a change: of the field, or of the rules that decide about each name. */
export function rulesOf({ path, access }: Change, { before, after }: Places): string[] {
  if (access === undefined || access.names.length === 0) return [after(path) ?? before(path) ?? path]
  return access.names.map(({ witness, before: was, after: is }) => {
    const [old, now] = [
      was === '' ? 'no rule' : (before(was) ?? was),
      is === '' ? 'no rule' : (after(is) ?? is),
    ]
    return `${JSON.stringify(witness)}: before ${old}, after ${now}`
  })
}

/** Returns changes as JSON. */
export function jsonOfPlan(changes: readonly Change[]): string {
  return `${printableJson(JSON.stringify({ schemaVersion: 1, summary: summaryOf(changes), changes }, null, 2))}\n`
}
