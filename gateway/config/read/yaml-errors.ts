import { Scalar, visit, type Document, type ErrorCode, type YAMLError } from 'yaml'

/** Something that keeps a text from being YAML 1.2. */
interface SyntaxProblem {
  readonly code: 'GH1004' | 'GH1006' | 'GH1007' | 'GH1008'
  readonly start: number
  readonly end: number
  readonly message: string
}

/** Largest number of problems of one file that are explained. */
const maxProblems = 1000

/** Takes a parsed document and its text; returns what stops it from being used, without the echoes of each mistake. */
export function syntaxProblems(document: Document, text: string): SyntaxProblem[] {
  const all = [...document.errors, ...document.warnings]
    .filter(problem => !isTag(problem) && !isBareStar(problem))
    .toSorted((a, b) => a.pos[0] - b.pos[0])
  const deep = all.find(problem => problem.code === 'RESOURCE_EXHAUSTION')
  if (deep !== undefined) return [explain(deep, [], text)]
  // After a bracket too many or too few, every word is an error; on one line, the first is the true one.
  const outside = all.findIndex(
    ({ message }) => message.includes('in YAML stream') || message.startsWith('Flow '),
  )
  const told = all.slice(0, Math.min(outside === -1 ? all.length : outside + 1, maxProblems))
  const quoted = told.some(isUnclosedQuote) ? quotedScalars(document) : []
  const problems = told.map(one => explain(one, quoted, text))
  return problems.filter(
    ({ start }, index) => index === 0 || text.slice(problems[index - 1]!.start, start).includes('\n'),
  )
}

/** Tags are told by themselves, and are nothing to stop at. */
export function isTag({ code }: YAMLError): boolean {
  return code === 'TAG_RESOLVE_FAILED'
}

// An alias without a name does not confuse the parser, and is told with those of unknown names.
function isBareStar({ code, message }: YAMLError): boolean {
  return code === 'BAD_ALIAS' && message.startsWith('Alias cannot be an empty')
}

function explain(error: YAMLError, quoted: readonly QuotedScalar[], text: string): SyntaxProblem {
  const { code, message, pos } = error
  const [start, end] = pos
  const at = { start, end: start + firstLine(text.slice(start, end)).length }
  if (code === 'MULTIPLE_DOCS') return { code: 'GH1006', start, end: start + 3, message: explanations[code]! }
  if (code === 'RESOURCE_EXHAUSTION') return { code: 'GH1008', ...at, message: explanations[code]! }
  if (message.startsWith('Alias ending')) {
    const star = text.lastIndexOf('*', start)
    const message = 'a `*` at the beginning makes this a YAML alias; put it in quotes: "*"'
    return { code: 'GH1007', start: star, end: start, message }
  }
  if (isUnclosedQuote(error)) {
    const opened = whereOpened(quoted, start)
    const message = 'the quote that opens here is never closed'
    return { code: 'GH1004', start: opened, end: opened + 1, message }
  }
  if (code === 'BAD_INDENT' && message.startsWith('Flow')) {
    const what = message.endsWith(']') ? 'list that a [' : 'map that a {'
    return {
      code: 'GH1004',
      ...at,
      message: `the ${what} opened is not closed before this, or not indented enough`,
    }
  }
  // A line that is indented wrongly is told where its text begins.
  const indent = code === 'BAD_INDENT' ? (/^ */.exec(text.slice(start))?.[0].length ?? 0) : 0
  const said = explanations[code] ?? 'this is not YAML'
  return { code: 'GH1004', start: start + indent, end: at.end + indent, message: said }
}

function firstLine(text: string): string {
  return /^.*/.exec(text)?.[0] ?? ''
}

type QuotedScalar = readonly [start: number, end: number]

function isUnclosedQuote({ message }: YAMLError): boolean {
  return message.startsWith('Missing closing')
}

/** The quoted scalars of a document, in the order in which they were written. */
function quotedScalars(document: Document): QuotedScalar[] {
  const found: QuotedScalar[] = []
  visit(document, {
    Scalar(_, { type, range }) {
      if (type !== Scalar.QUOTE_DOUBLE && type !== Scalar.QUOTE_SINGLE) return
      if (range != null) found.push([range[0], range[1]])
    },
  })
  return found
}

// The parser misses a quote at the end of the file; where it was opened is what the author needs.
function whereOpened(quoted: readonly QuotedScalar[], missed: number): number {
  let [low, high] = [0, quoted.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (quoted[middle]![0] < missed) low = middle + 1
    else high = middle
  }
  const [start, end] = quoted[low - 1] ?? [missed, missed]
  return end >= missed ? start : missed
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
  BLOCK_AS_IMPLICIT_KEY:
    'a second `: ` on one line; put the value in quotes, or what is nested on a line of its own',
  BLOCK_IN_FLOW: 'a block cannot stand within [ ] or { }; close them first',
  KEY_OVER_1024_CHARS: 'a key is at most 1024 characters long',
  MISSING_CHAR:
    'something is missing before this: a colon and a space after a key, a comma or a closing bracket',
  MULTILINE_IMPLICIT_KEY: 'a key without a colon and a space after it; write `key: value`',
  MULTIPLE_ANCHORS: 'a value has at most one anchor',
  MULTIPLE_DOCS: 'a second document begins here, and a file holds one; take out the `---`, or use include',
  MULTIPLE_TAGS: 'a value has at most one tag',
  RESOURCE_EXHAUSTION: 'lists or maps are nested too deep',
  TAB_AS_INDENT: 'YAML is indented with spaces; this is a tab',
  UNEXPECTED_TOKEN: 'this does not belong here; when it is part of a value, put the value in quotes',
}
