import { printable, printableJson } from '../../lib/printable.ts'
import { diagnosticCodes, type Diagnostic } from '../document/diagnostics.ts'
import type { LoadResult } from '../load.ts'
import { codeFrame, relativePath } from './render.ts'

/** Input of a report. */
export type ReportInput = Pick<LoadResult, 'diagnostics' | 'sources' | 'loaded'> &
  Partial<Pick<LoadResult, 'omitted'>>

/** Formats diagnostics for people, with the line of the file and the help of each, and a count at the end. Empty for none. */
export function formatText(
  { diagnostics, omitted = 0, sources }: ReportInput,
  options: { cwd: string; color: boolean },
): string {
  if (diagnostics.length === 0) return ''
  const paint = options.color ? colors : plain
  const lines = new Map([...sources].map(([file, text]) => [file, text.split(/\r?\n/)]))
  const blocks = diagnostics.map(one => {
    const severity = paint[one.severity](one.severity)
    const frame = codeFrame(lines.get(one.file)?.[one.line - 1], one).map(
      (line, index) => `  ${index === 1 ? paint.error(line) : line}\n`,
    )
    const related = (one.related ?? []).map(
      other => `  ${placeOf(other, options.cwd)}: ${printable(other.message)}\n`,
    )
    const help = `  ${paint.bold('help')}: ${printable(one.help)}\n`
    return `${paint.bold(placeOf(one, options.cwd))}: ${severity} ${one.code}: ${printable(one.message)}\n${frame.join('')}${related.join('')}${help}`
  })
  const more = omitted > 0 ? `, and ${omitted} more that are not shown` : ''
  return `${blocks.join('\n')}\n${countOf(diagnostics)}${more}\n`
}

function placeOf(
  { file, line, column }: { file: string; line: number; column: number },
  cwd: string,
): string {
  return `${printable(relativePath(file, cwd))}:${line}:${column}`
}

const wrap = (code: number) => (text: string) => `\u001b[${code}m${text}\u001b[0m`
const colors = { error: wrap(31), warning: wrap(33), info: wrap(36), bold: wrap(1) }
const plain = { error: String, warning: String, info: String, bold: String }
const nouns = { error: 'error', warning: 'warning', info: 'note' }

function countOf(diagnostics: readonly Diagnostic[]): string {
  const counts = (['error', 'warning', 'info'] as const).map(severity => {
    const count = diagnostics.filter(one => one.severity === severity).length
    return count === 0 ? [] : [`${count} ${nouns[severity]}${count === 1 ? '' : 's'}`]
  })
  return counts.flat().join(', ')
}

/** Formats diagnostics for programs, as one JSON document. A field may be added in the same `schemaVersion`. */
export function formatJson(
  { diagnostics, omitted = 0, loaded }: ReportInput,
  { cwd }: { cwd: string },
): string {
  const document = {
    schemaVersion: 1,
    valid: loaded !== undefined,
    ...(loaded?.missing.length === 0 && { revision: loaded.revision }),
    diagnostics: diagnostics.map(one => relocate(one, cwd)),
    ...(omitted > 0 && { omitted }),
  }
  return `${printableJson(JSON.stringify(document, null, 2))}\n`
}

function relocate(one: Diagnostic, cwd: string): Diagnostic {
  const related = one.related?.map(other => ({ ...other, file: relativePath(other.file, cwd) }))
  return { ...one, file: relativePath(one.file, cwd), ...(related !== undefined && { related }) }
}

const annotations = { error: 'error', warning: 'warning', info: 'notice' }

/** Formats diagnostics for GitHub Actions: one workflow command each, which becomes an annotation of the pull request. */
export function formatGithub({ diagnostics, omitted = 0 }: ReportInput, { cwd }: { cwd: string }): string {
  const more = omitted > 0 ? `::notice::${omitted} more diagnostics are not shown\n` : ''
  const commands = diagnostics
    .map(one => {
      const properties = {
        file: relativePath(one.file, cwd),
        line: one.line,
        endLine: one.endLine,
        col: one.column,
        endColumn: one.endColumn,
        title: `${one.code} ${diagnosticCodes[one.code].name}`,
      }
      const list = Object.entries(properties).map(
        ([name, value]) => `${name}=${escapeProperty(String(value))}`,
      )
      return `::${annotations[one.severity]} ${list.join(',')}::${escapeData(`${one.message}\nhelp: ${one.help}`)}\n`
    })
    .join('')
  return commands + more
}

function escapeData(text: string): string {
  return text
    .replaceAll(/[^\r\n]+/g, printable)
    .replaceAll('%', '%25')
    .replaceAll('\r', '%0D')
    .replaceAll('\n', '%0A')
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(':', '%3A').replaceAll(',', '%2C')
}
