import type { Answer } from '../../analysis/answer.ts'
import type { Loaded } from '../../config/load.ts'
import { relativePath } from '../../config/report/render.ts'
import { printable, printableJson } from '../../lib/printable.ts'

/** Looks up the place of a rule. */
type Locate = Loaded['locate']

/** Returns an answer as text: yes or no, and each rule with its file and line. */
export function textOfAnswer({ allow, refusal, rule, others }: Answer, locate: Locate, cwd: string): string {
  const first = allow ? 'yes' : `no: ${refusal!.message} (${refusal!.detail})`
  const place = (pointer: string): string => {
    const found = locate(pointer)
    const where = found === undefined ? '' : `${relativePath(found.file, cwd)}:${found.line}:${found.column} `
    return `${where}${pointer}`
  }
  const also = others.map(
    ({ rule, pattern, effect }) => `also matches: ${place(rule)} (${effect} ${JSON.stringify(pattern)})`,
  )
  return [first, `decided by: ${place(rule)}`, ...also].map(line => `${printable(line)}\n`).join('')
}

/** Returns an answer as JSON. */
export function jsonOfAnswer(answer: Answer, locate: Locate, cwd: string): string {
  const { allow, refusal, rule, principal, others } = answer
  const place = (pointer: string): Record<string, unknown> => {
    const found = locate(pointer)
    return found === undefined ? { pointer } : { pointer, ...found, file: relativePath(found.file, cwd) }
  }
  const shown = {
    schemaVersion: 1,
    allow,
    detail: refusal?.detail ?? null,
    message: refusal?.message ?? null,
    rule: place(rule),
    principal: principal ?? null,
    others: others.map(({ rule, pattern, effect }) => Object.assign(place(rule), { pattern, effect })),
  }
  return `${printableJson(JSON.stringify(shown, null, 2))}\n`
}
