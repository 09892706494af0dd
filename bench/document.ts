import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { plotsOf } from './plots.ts'
import type { Report } from './report.ts'
import { circumstances, tablesOf, type Table } from './tables.ts'

const docs = join(import.meta.dirname, '../docs')

/**
 * Renders docs/performance.md and its plots, by path under docs/. In the text of `bench/performance.template.md`,
 * `{{table NAME}}`, `{{plot NAME}}` and `{{circumstances}}` are placeholders for parts of the report.
 *
 * @throws Error when the template asks for a part that the report does not have
 */
export function documentOf(report: Report): Map<string, string> {
  const template = readFileSync(join(import.meta.dirname, 'performance.template.md'), 'utf8')
  const tables = tablesOf(report)
  const plots = plotsOf(report)
  const text = template.replaceAll(/\{\{(\w+) ?([\w-]*)\}\}/g, (_, kind: string, name: string) => {
    const table = tables.get(name)
    if (kind === 'circumstances') return circumstances(report)
    if (kind === 'table' && table !== undefined) return markdown(table)
    if (kind === 'plot' && plots.has(name)) return `![${name}](performance/${name}.svg)`
    throw new Error(`the report has no ${kind} ${name}; run the whole bench`)
  })
  return new Map([
    ['performance.md', text],
    ...[...plots].map(([name, plot]) => [`performance/${name}.svg`, plot] as const),
  ])
}

/** Writes docs/performance.md and its plots. */
export function writeDocument(report: Report): void {
  mkdirSync(join(docs, 'performance'), { recursive: true })
  for (const [path, text] of documentOf(report)) writeFileSync(join(docs, path), text)
}

function markdown([head = [], ...rows]: Table): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [
    line(head),
    `|${head.map((_, column) => (column === 0 ? '---' : '--:')).join('|')}|`,
    ...rows.map(line),
  ].join('\n')
}

if (import.meta.main) {
  const file = process.argv[2] ?? join(import.meta.dirname, 'results.json')
  writeDocument(JSON.parse(readFileSync(file, 'utf8')) as Report)
}
