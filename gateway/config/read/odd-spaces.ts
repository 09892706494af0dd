import { Scalar, visit, type Document } from 'yaml'
import type { Explanation } from '../document/diagnostics.ts'

/** A character that looks like a space or is invisible, where YAML needs a space. */
interface OddSpace extends Explanation {
  readonly start: number
  readonly end: number
}

/** Largest number of lines of one file that are reported. */
const maxLines = 100

const names: Readonly<Record<string, string>> = {
  '\u00a0': 'no-break space',
  '\u00ad': 'soft hyphen',
  '\u200b': 'zero-width space',
  '\u200c': 'zero-width non-joiner',
  '\u200d': 'zero-width joiner',
  '\u200e': 'left-to-right mark',
  '\u200f': 'right-to-left mark',
  '\u202f': 'narrow no-break space',
  '\u2060': 'word joiner',
  '\u3000': 'ideographic space',
  '\ufeff': 'byte order mark',
}
const odd = '\\u00a0\\u00ad\\u1680\\u180e\\u2000-\\u200f\\u202f\\u205f\\u2060\\u3000\\ufeff'
const anyOdd = new RegExp(`[${odd}]`)
/** An odd space in the indentation of a line, or after its dash, or after its key and colon. */
const misplaced = new RegExp(`^(?:[ \\t]|- )*(?:-|[\\w.-]+:)?(?=[${odd}])`, 'gm')
const isInvisible = /[\u00ad\u180e\u200b-\u200f\u2060\ufeff]/

/**
 * Finds characters that look like a space or are invisible where YAML needs a space: the lines that they are on are read
 * as something else. In text that goes on from a line above, they are text.
 */
export function oddSpaces(document: Document, text: string): OddSpace[] {
  if (!anyOdd.test(text)) return []
  const at = [...text.matchAll(misplaced)]
    .map(({ index, 0: before }) => index + before.length)
    .filter(offset => offset > 0 || text[0] !== '\ufeff')
  if (at.length === 0) return []
  const scalars = scalarsOf(document)
  return at
    .filter(offset => {
      const line = text.lastIndexOf('\n', offset - 1) + 1
      return !scalars.some(([start, end]) => start < line && offset < end)
    })
    .slice(0, maxLines)
    .map(offset => explain(text, offset))
}

/** Returns the ranges of texts. In a document with errors, unquoted text may go on where it was not meant to. */
function scalarsOf(document: Document): [start: number, end: number][] {
  const found: [number, number][] = []
  visit(document, {
    Scalar(_, { type, range }) {
      if (type === Scalar.PLAIN && document.errors.length > 0) return
      if (range != null) found.push([range[0], range[1]])
    },
  })
  return found
}

function explain(text: string, offset: number): OddSpace {
  const character = text[offset]!
  const code = `U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`
  const { [character]: name = 'a space of another width' } = names
  return {
    start: offset,
    end: offset + 1,
    message: `${code} (${name}) is not a space in YAML`,
    help: isInvisible.test(character) ? 'remove it' : 'replace it with an ordinary space',
  }
}
