import { isScalar, parseDocument, type Node } from 'yaml'
import { report, type LoadContext } from '../document/load-context.ts'
import { spanBetween, type Source } from '../document/source.ts'
import { isTag, syntaxProblems } from './yaml-errors.ts'

const dialect = { schema: 'core', merge: false, resolveKnownTags: false } as const
// Keys are compared where the tree is made plain: the parser would compare every pair of them.
const options = { ...dialect, uniqueKeys: false, prettyErrors: false, logLevel: 'error' } as const

/**
 * Parses one YAML 1.2 document with the core schema. Returns its root node; null when nothing stands in the file;
 * undefined after reporting why there is none to go on with. Tags are reported too, but do not stop.
 */
export function parseSource(loadContext: LoadContext, source: Source): Node | null | undefined {
  const document = parse(source.text)
  for (const { pos } of [...document.errors, ...document.warnings].filter(isTag)) {
    const span = spanBetween(source, pos[0], pos[1])
    report(loadContext, 'GH1010', span, 'this tag is not of the YAML core schema; take it out')
  }
  const problems = syntaxProblems(document, source.text)
  for (const { code, start, end, message } of problems) {
    report(loadContext, code, spanBetween(source, start, end), message)
  }
  if (problems.length > 0) return undefined
  return isNothing(document.contents) ? null : (document.contents as Node)
}

function parse(text: string): ReturnType<typeof parseDocument> {
  const { stackTraceLimit } = Error
  // There may be as many errors as lines, and each would keep where it was made.
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
