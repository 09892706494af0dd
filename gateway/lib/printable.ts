/**
 * Characters that could control a terminal, or mislead a reader: control characters (C0 except the tab, DEL, C1), direction
 * marks, line separators, the byte order mark, invisible tags, and lone surrogates.
 */
const harmful =
  // oxlint-disable-next-line no-control-regex -- these must not reach the terminal
  /[\0-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\p{Cs}\u{e0000}-\u{e007f}]/gu
/** Most texts have no character that this matches. */
// oxlint-disable-next-line no-control-regex -- see above
const suspect = /[^\t\x20-\x7e]/

/** Returns a line of text for a terminal or a log viewer, with harmful characters escaped, as in `\u001b`. */
export function printable(text: string): string {
  return suspect.test(text) ? text.replaceAll(harmful, escape) : text
}

/** Returns text of several lines for a terminal, with harmful characters escaped; colors stay. */
export function printableLines(text: string): string {
  if (!/[^\n\x20-\x7e]/.test(text)) return text
  // oxlint-disable-next-line no-control-regex -- the sequence that sets a color
  return text.replaceAll(/\n|\u001b\[\d{0,2}m|[^\n\u001b]+|\u001b/g, part =>
    part === '\n' || (part.length > 1 && part.startsWith('\u001b')) ? part : printable(part),
  )
}

/** Returns equivalent JSON text, with every harmful character in its strings escaped. */
export function printableJson(text: string): string {
  // JSON.stringify has escaped C0 already. This check is faster than a regular expression.
  const isHarmless = Buffer.byteLength(text) === text.length && !text.includes('\x7f')
  return isHarmless ? text : text.replaceAll(harmful, escapeInJson)
}

function escape(character: string): string {
  return Array.from({ length: character.length }, (_, index) => {
    return `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`
  }).join('')
}

// The line feed is the only control character outside the strings of the JSON that is written here.
function escapeInJson(character: string): string {
  return character === '\n' ? character : escape(character)
}
