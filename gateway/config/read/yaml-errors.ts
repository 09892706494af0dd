import { Scalar, visit, type Document, type ErrorCode, type YAMLError } from 'yaml'
import type { Explanation } from '../document/diagnostics.ts'

/** A reason why a text is not YAML 1.2. */
interface SyntaxProblem extends Explanation {
  readonly code: 'GH1004' | 'GH1006' | 'GH1007' | 'GH1008'
  readonly start: number
  readonly end: number
}

/** Largest number of problems of one file that are explained. */
const maxProblems = 1000

/** Returns the syntax errors of a parsed document, without those that only follow from an earlier one. */
export function syntaxProblems(document: Document, text: string): SyntaxProblem[] {
  const all = [...document.errors, ...document.warnings]
    .filter(problem => !isTag(problem) && !isBareStar(problem))
    .toSorted((a, b) => a.pos[0] - b.pos[0])
  const deep = all.find(problem => problem.code === 'RESOURCE_EXHAUSTION')
  if (deep !== undefined) return [explain(deep, [], text)]
  // After a missing or extra bracket every word is an error. On one line, only the first error is real.
  const outside = all.findIndex(
    ({ message }) => message.includes('in YAML stream') || message.startsWith('Flow '),
  )
  const relevant = all.slice(0, Math.min(outside === -1 ? all.length : outside + 1, maxProblems))
  const quoted = relevant.some(isUnclosedQuote) ? quotedScalars(document) : []
  const problems = relevant.map(one => explain(one, quoted, text))
  return problems.filter(
    ({ start }, index) => index === 0 || text.slice(problems[index - 1]!.start, start).includes('\n'),
  )
}

/** Returns whether an error is about a tag. Those are reported by themselves, and loading goes on. */
export function isTag({ code }: YAMLError): boolean {
  return code === 'TAG_RESOLVE_FAILED'
}

// An alias without a name does not confuse the parser. It is reported together with unknown names.
function isBareStar({ code, message }: YAMLError): boolean {
  return code === 'BAD_ALIAS' && message.startsWith('Alias cannot be an empty')
}

function explain(error: YAMLError, quoted: readonly QuotedScalar[], text: string): SyntaxProblem {
  const { code, message, pos } = error
  const [start, end] = pos
  const at = { start, end: start + firstLine(text.slice(start, end)).length }
  const explanation = explanations[code] ?? { message: 'this is not YAML', help: 'check the syntax' }
  if (code === 'MULTIPLE_DOCS') return { code: 'GH1006', start, end: start + 3, ...explanation }
  if (code === 'RESOURCE_EXHAUSTION') return { code: 'GH1008', ...at, ...explanation }
  if (message.startsWith('Alias ending')) {
    const star = text.lastIndexOf('*', start)
    const message = 'YAML reads a leading `*` as an alias'
    return { code: 'GH1007', start: star, end: start, message, help: 'put it in quotes: `"*"`' }
  }
  if (isUnclosedQuote(error)) {
    const opened = openingQuote(quoted, start)
    const message = 'this quote is never closed'
    return { code: 'GH1004', start: opened, end: opened + 1, message, help: 'add the closing quote' }
  }
  if (code === 'BAD_INDENT' && message.startsWith('Flow')) {
    const [open, close] = message.endsWith(']') ? ['[', ']'] : ['{', '}']
    return {
      code: 'GH1004',
      ...at,
      message: `the \`${open}\` above is not closed before this line`,
      help: `close it with \`${close}\`, or indent this line more`,
    }
  }
  // A wrong indentation is reported where the text of its line begins.
  const indent = code === 'BAD_INDENT' ? (/^ */.exec(text.slice(start))?.[0].length ?? 0) : 0
  return { code: 'GH1004', start: start + indent, end: at.end + indent, ...explanation }
}

function firstLine(text: string): string {
  return /^.*/.exec(text)?.[0] ?? ''
}

type QuotedScalar = readonly [start: number, end: number]

function isUnclosedQuote({ message }: YAMLError): boolean {
  return message.startsWith('Missing closing')
}

/** Returns the quoted scalars of a document, in the order of the text. */
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

// The parser reports a missing quote at the end of the file. The author needs the place where it was opened.
function openingQuote(quoted: readonly QuotedScalar[], missed: number): number {
  let [low, high] = [0, quoted.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (quoted[middle]![0] < missed) low = middle + 1
    else high = middle
  }
  const [start, end] = quoted[low - 1] ?? [missed, missed]
  return end >= missed ? start : missed
}

/** Texts of our own, because the parser quotes the file. */
const explanations: Partial<Record<ErrorCode, Explanation>> = {
  ALIAS_PROPS: { message: 'an alias has an anchor or a tag', help: 'remove the anchor or tag' },
  BAD_ALIAS: { message: 'an anchor or alias has no name', help: 'write a name after `&` or `*`' },
  BAD_DIRECTIVE: { message: 'this directive is not YAML 1.2', help: 'remove the directive' },
  BAD_DQ_ESCAPE: {
    message: 'YAML has no such escape sequence',
    help: 'double the backslash, or use single quotes',
  },
  BAD_INDENT: {
    message: 'this indentation matches no line above',
    help: 'begin all entries of a map or list in the same column',
  },
  BAD_PROP_ORDER: {
    message: 'an anchor or tag is not in front of its value',
    help: 'move it to the line of its value, in front of the value',
  },
  BAD_SCALAR_START: {
    message: 'a plain value cannot begin with this character',
    help: 'put the value in quotes',
  },
  BLOCK_AS_IMPLICIT_KEY: {
    message: 'this line has a second `: `',
    help: 'put the value in quotes, or put nested fields on their own lines',
  },
  BLOCK_IN_FLOW: { message: 'a block is inside [ ] or { }', help: 'close the brackets first' },
  KEY_OVER_1024_CHARS: {
    message: 'this key is longer than 1024 characters',
    help: 'use a shorter key',
  },
  MISSING_CHAR: {
    message: 'something is missing in front of this',
    help: 'add a colon and a space after a key, a comma, or a closing bracket',
  },
  MULTILINE_IMPLICIT_KEY: {
    message: 'this key has no colon and space after it',
    help: 'write `key: value`',
  },
  MULTIPLE_ANCHORS: { message: 'a value has more than one anchor', help: 'keep one of them' },
  MULTIPLE_DOCS: {
    message: 'a second document begins here',
    help: 'remove the `---`, or move the document to a fragment under `include`',
  },
  MULTIPLE_TAGS: { message: 'a value has more than one tag', help: 'remove the tags' },
  RESOURCE_EXHAUSTION: { message: 'lists or maps are nested too deep', help: 'use fewer levels' },
  TAB_AS_INDENT: { message: 'this line is indented with a tab', help: 'indent with spaces' },
  UNEXPECTED_TOKEN: {
    message: 'this is not valid YAML here',
    help: 'put the value in quotes if this is part of it',
  },
}
