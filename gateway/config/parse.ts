import { isScalar, parseDocument, Scalar, visit, type Document, type ErrorCode, type Node, type YAMLError } from 'yaml'
import { report, type Loading } from './loading.ts'
import { spanBetween, type Source } from './source.ts'

/**
 * Parses one YAML 1.2 document with the core schema. Returns its root node; null when nothing stands in the file;
 * undefined after reporting why there is none to go on with. Tags are reported too, but do not stop.
 */
export function parseSource(loading: Loading, source: Source): Node | null | undefined {
  const options = { schema: 'core', merge: false, resolveKnownTags: false, uniqueKeys: false, prettyErrors: false } as const
  const document = parseDocument(source.text, { ...options, logLevel: 'error' })
  for (const { pos } of [...document.errors, ...document.warnings].filter(isTag)) {
    const span = spanBetween(source, pos[0], pos[1])
    report(loading, 'GH1010', span, 'this tag is not of the YAML core schema; take it out')
  }
  const problems = [...document.errors, ...document.warnings].filter(problem => !isTag(problem))
  if (problems.length > 0) {
    reportSyntax(loading, source, document, problems)
    return undefined
  }
  return isNothing(document.contents) ? null : (document.contents as Node)
}

function isTag({ code }: YAMLError): boolean {
  return code === 'TAG_RESOLVE_FAILED'
}

function isNothing(node: unknown): boolean {
  return node === null || (isScalar(node) && node.value === null && node.source === '')
}

// After a first error the parser guesses, and its further errors on that line are mostly echoes of the first.
function reportSyntax(loading: Loading, source: Source, document: Document, problems: YAMLError[]): void {
  const deep = problems.find(problem => problem.code === 'RESOURCE_EXHAUSTION')
  const lines = new Set<number>()
  for (const problem of deep === undefined ? problems : [deep]) {
    const [start, end] = offsets(problem, document)
    const span = spanBetween(source, start, end)
    if (lines.has(span.line)) continue
    lines.add(span.line)
    report(loading, codes[problem.code] ?? 'GH1004', span, explain(problem, source.text.slice(start)))
  }
}

function offsets({ code, message, pos }: YAMLError, document: Document): [number, number] {
  if (code === 'MULTIPLE_DOCS') return [pos[0], pos[0] + 3]
  if (!message.startsWith('Missing closing')) return pos
  // The end of the file is where the quote was missed; where it was opened is what the author needs.
  let opened = pos[0]
  visit(document, {
    Scalar(_, node) {
      if (node.type !== Scalar.QUOTE_DOUBLE && node.type !== Scalar.QUOTE_SINGLE) return
      if (node.range != null && node.range[0] < pos[0] && node.range[1] >= pos[0]) opened = node.range[0]
    },
  })
  return [opened, opened + 1]
}

const codes: Partial<Record<ErrorCode, 'GH1006' | 'GH1007' | 'GH1008'>> = {
  MULTIPLE_DOCS: 'GH1006',
  RESOURCE_EXHAUSTION: 'GH1008',
}

function explain({ code, message }: YAMLError, rest: string): string {
  if (code === 'BAD_ALIAS' && rest.startsWith('*')) {
    return 'a `*` at the beginning makes this a YAML alias; put it in quotes: "*"'
  }
  if (code === 'MISSING_CHAR' && message.startsWith('Missing closing')) return 'the quote that opens here is never closed'
  if (code === 'BAD_INDENT' && message.startsWith('Flow')) {
    return `the ${message.endsWith(']') ? 'list that a [' : 'map that a {'} opened before this line is not closed, or not indented enough`
  }
  return explanations[code] ?? 'this is not YAML'
}

// Our own words, because the parser's quote the text.
const explanations: Partial<Record<ErrorCode, string>> = {
  ALIAS_PROPS: 'an alias can have no anchor or tag of its own',
  BAD_ALIAS: 'an anchor or alias needs a name',
  BAD_DIRECTIVE: 'this directive is not YAML 1.2; take it out',
  BAD_DQ_ESCAPE: 'no escape sequence of YAML begins like this; double the backslash, or use single quotes',
  BAD_INDENT: 'the indentation fits no line above; items of one map or list begin in one column',
  BAD_PROP_ORDER: 'an anchor or tag stands before the value that it belongs to, on its line',
  BAD_SCALAR_START: 'a plain value cannot begin with this character; put the value in quotes',
  BLOCK_AS_IMPLICIT_KEY: 'a second `: ` on one line; put the value in quotes, or what is nested on a line of its own',
  BLOCK_IN_FLOW: 'a block cannot stand within [ ] or { }; close them first',
  KEY_OVER_1024_CHARS: 'a key is at most 1024 characters long',
  MISSING_CHAR: 'something is missing before this: a colon and a space after a key, a comma or a closing bracket',
  MULTILINE_IMPLICIT_KEY: 'a key without a colon and a space after it; write `key: value`',
  MULTIPLE_ANCHORS: 'a value has at most one anchor',
  MULTIPLE_DOCS: 'a second document begins here, and a file holds one; take out the `---`, or use include',
  MULTIPLE_TAGS: 'a value has at most one tag',
  RESOURCE_EXHAUSTION: 'lists or maps are nested too deep',
  TAB_AS_INDENT: 'YAML is indented with spaces; this is a tab',
  UNEXPECTED_TOKEN: 'this does not belong here; when it is part of a value, put the value in quotes',
}
