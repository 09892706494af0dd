import { isScalar, parseDocument, type Node } from 'yaml'
import { report, type LoadContext } from '../document/load-context.ts'
import { spanBetween, type Source } from '../document/source.ts'
import { oddSpaces } from './odd-spaces.ts'
import { isTag, syntaxProblems } from './yaml-errors.ts'

const dialect = { schema: 'core', merge: false, resolveKnownTags: false } as const
// The conversion to plain values compares keys: the parser would compare every pair of them.
const options = { ...dialect, uniqueKeys: false, prettyErrors: false, logLevel: 'error' } as const

/**
 * Parses one YAML 1.2 document with the core schema. Returns its root node; null for an empty file; undefined after
 * reporting a syntax error. Reports tags too, but goes on.
 */
export function parseSource(loadContext: LoadContext, source: Source): Node | null | undefined {
  const document = parse(source.text)
  // Whatever else is wrong follows from them.
  const odd = oddSpaces(document, source.text)
  for (const { start, end, ...explanation } of odd) {
    report(loadContext, 'GH1004', spanBetween(source, start, end), explanation)
  }
  if (odd.length > 0) return undefined
  for (const { pos } of [...document.errors, ...document.warnings].filter(isTag)) {
    const span = spanBetween(source, pos[0], pos[1])
    const message = 'this tag is not in the YAML core schema'
    report(loadContext, 'GH1010', span, { message, help: 'remove the tag' })
  }
  const problems = syntaxProblems(document, source.text)
  for (const { code, start, end, ...explanation } of problems) {
    report(loadContext, code, spanBetween(source, start, end), explanation)
  }
  if (problems.length > 0) return undefined
  return isNothing(document.contents) ? null : (document.contents as Node)
}

function parse(text: string): ReturnType<typeof parseDocument> {
  const { stackTraceLimit } = Error
  // Every line may be an error, and each error would keep its stack trace.
  Error.stackTraceLimit = 0
  try {
    return parseDocument(text, options)
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}

function isNothing(node: unknown): boolean {
  return node === null || (isScalar(node) && node.value === null && node.source === '')
}
