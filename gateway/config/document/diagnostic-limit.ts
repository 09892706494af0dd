import type { Diagnostic } from './diagnostics.ts'
import { maxKept, type LoadContext } from './load-context.ts'

/** Largest number of diagnostics that a load reports, and of characters in each of their texts. */
const maxReported = 100
const maxText = 1000
const severities: readonly Diagnostic['severity'][] = ['error', 'warning', 'info']

/** Chooses the diagnostics to report: the most severe first, then the first in the files. Returns them in the order of file, line and column. */
export function limitDiagnostics(loadContext: LoadContext): { diagnostics: Diagnostic[]; omitted: number } {
  const all = inOrder(loadContext)
  const chosen = new Set(
    severities.flatMap(severity => all.filter(one => one.severity === severity)).slice(0, maxReported),
  )
  const dropped = severities.reduce(
    (count, severity) => count + Math.max(0, loadContext.counts[severity] - maxKept[severity]),
    0,
  )
  return {
    diagnostics: all.filter(one => chosen.has(one)).map(shortened),
    omitted: all.length - chosen.size + dropped,
  }
}

function shortened(one: Diagnostic): Diagnostic {
  const { message, help, path } = one
  if ([message, help, path].every(text => text.length <= maxText)) return one
  return { ...one, message: cut(message), help: cut(help), path: cut(path) }
}

function cut(text: string): string {
  return text.length > maxText ? `${text.slice(0, maxText)}…` : text
}

function inOrder({ diagnostics, files }: LoadContext): Diagnostic[] {
  const rank = new Map([...files.sources.keys()].map((file, index) => [file, index]))
  const unique = new Map<string, Diagnostic>()
  for (const one of diagnostics) {
    const { code, file, line, column, message } = one
    const identity = [code, file, line, column, message].join('\0')
    if (!unique.has(identity)) unique.set(identity, one)
  }
  return [...unique.values()].toSorted(
    (a, b) =>
      (rank.get(a.file) ?? 0) - (rank.get(b.file) ?? 0) ||
      a.line - b.line ||
      a.column - b.column ||
      a.code.localeCompare(b.code),
  )
}
