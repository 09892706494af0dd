import { isAbsolute, relative } from 'node:path'
import { printable } from '../../lib/printable.ts'
import type { Diagnostic } from '../document/diagnostics.ts'

/** Returns a path relative to a folder if it is inside; otherwise the path itself. */
export function relativePath(file: string, folder: string): string {
  const path = relative(folder, file)
  return path === '' || path.startsWith('..') || isAbsolute(path) ? file : path
}

/** Longest part of a source line that is shown. */
const maxWidth = 100

/** Returns two lines: a source line with its number, and carets under the range. Empty without a source. */
export function codeFrame(line: string | undefined, place: Diagnostic): string[] {
  if (line === undefined) return []
  const start = place.column - 1
  const end = place.endLine > place.line ? line.trimEnd().length : Math.min(place.endColumn - 1, line.length)
  const from = line.length <= maxWidth ? 0 : Math.max(0, Math.min(start - 30, line.length - maxWidth))
  const to = Math.min(line.length, from + maxWidth)
  const [before, marked, after] = [
    line.slice(from, start),
    line.slice(start, Math.min(end, to)),
    line.slice(Math.max(start, Math.min(end, to)), to),
  ]
  const lead = from > 0 ? '…' : ''
  const gutter = ' '.repeat(String(place.line).length)
  const shown = [before, marked, after].map(part => printable(part).replaceAll('\t', '  ')) as [
    string,
    string,
    string,
  ]
  return [
    `${place.line} | ${lead}${shown.join('')}${to < line.length ? '…' : ''}`,
    `${gutter} | ${' '.repeat(lead.length + shown[0].length)}${'^'.repeat(Math.max(1, shown[1].length))}`,
  ]
}
