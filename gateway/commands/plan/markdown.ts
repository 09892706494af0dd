import type { Config } from '../../../schema/config.ts'
import { risks, type Change, type Risk } from '../../plan/change.ts'
import { printable } from '../../lib/printable.ts'
import { rulesOf, summaryOf, type Places } from './present.ts'

/** Largest comment that is written, in UTF-16 code units: GitHub accepts 65,536 characters. */
const maxLength = 60_000
const maxEdges = 40
const icons = { widens: '🔓', breaks: '⚠️', narrows: '🔒', neutral: '·' } as const satisfies Record<
  Risk,
  string
>
/** Risks that are shown without unfolding. */
const prominent: ReadonlySet<Risk> = new Set(['widens', 'breaks'])

/** Returns changes as a comment on a pull request: a summary, a table, folded details, and a graph of who reaches what. */
export function markdownOfPlan(changes: readonly Change[], places: Places, after: Config): string {
  const head = `### Gatehouse plan: ${summaryOf(changes)}\n`
  const graph = graphOf(after)
  const room = maxLength - head.length - graph.length - 500
  const ordered = risks.flatMap(risk => changes.filter(change => change.risk === risk))
  const rows: { readonly risk: Risk; readonly text: string }[] = []
  let length = 0
  for (const change of ordered) {
    const text = rowOf(change, places)
    length += text.length
    if (length > room) break
    rows.push({ risk: change.risk, text })
  }
  const cut = ordered.length - rows.length
  const shown = rows.filter(({ risk }) => prominent.has(risk))
  const folded = rows.filter(({ risk }) => !prominent.has(risk))
  return [
    head,
    ...(shown.length > 0 ? [table(shown)] : []),
    ...(folded.length > 0 ? [foldedUnder(`${folded.length} more`, table(folded))] : []),
    ...(cut > 0 ? [`${cut} more changes were cut. Run \`gatehouse plan\` to see them all.\n`] : []),
    ...(graph === '' ? [] : [foldedUnder('Who reaches what', graph)]),
  ].join('\n')
}

function foldedUnder(title: string, text: string): string {
  return `<details><summary>${title}</summary>\n\n${text}\n</details>\n`
}

function table(rows: readonly { readonly text: string }[]): string {
  return `| | Change | Decided by |\n|---|---|---|\n${rows.map(({ text }) => text).join('')}`
}

function rowOf(change: Change, places: Places): string {
  const rules = rulesOf(change, places).map(cell).join('<br>')
  return `| ${icons[change.risk]} ${change.risk} | ${cell(change.message)} | ${rules} |\n`
}

/** Returns a text that neither ends the cell nor means anything in Markdown. */
function cell(text: string): string {
  return printable(text).replaceAll(/[\\`*_{}[\]<>|#~@!]/g, character => `&#${character.codePointAt(0)};`)
}

/** Returns a Mermaid graph of the roles and the proxies that they reach; empty without roles. */
function graphOf({ roles, keys, proxies }: Config): string {
  const holders = new Map<string, number>()
  for (const { roles: held } of Object.values(keys))
    for (const role of held) holders.set(role, (holders.get(role) ?? 0) + 1)
  const ids = new Map<string, string>()
  const idOf = (text: string): string => {
    if (!ids.has(text)) ids.set(text, `n${ids.size}`)
    return `${ids.get(text)}["${label(text)}"]`
  }
  const edges = Object.entries(roles).flatMap(([role, { access }]) => {
    const count = holders.get(role) ?? 0
    const from = idOf(`role ${role} (${count} ${count === 1 ? 'key' : 'keys'})`)
    return Object.keys(access).map(proxy => `  ${from} --> ${idOf(proxy === '*' ? 'all proxies' : proxy)}`)
  })
  for (const [name, { auth }] of Object.entries(proxies))
    if (auth === 'none') edges.push(`  ${idOf('everyone')} --> ${idOf(name)}`)
  if (edges.length === 0) return ''
  const cut = edges.length > maxEdges ? [`  %% ${edges.length - maxEdges} more`] : []
  return ['```mermaid', 'graph LR', ...edges.slice(0, maxEdges), ...cut, '```', ''].join('\n')
}

function label(text: string): string {
  return printable(text).replaceAll(/["#<>&\\`[\]]/g, character => `#${character.codePointAt(0)};`)
}
