/**
 * What could steer a terminal, or show a reader something else than what is written: control characters (C0 but for the
 * tab, DEL, C1), marks of direction, line separators, the byte order mark, invisible tags, and halves of surrogate pairs.
 */
const harmful =
  // oxlint-disable-next-line no-control-regex -- these are what is to be kept from the terminal
  /[\0-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\p{Cs}\u{e0000}-\u{e007f}]/gu
/** As a rule there is nothing else than what this leaves out. */
// oxlint-disable-next-line no-control-regex -- see above
const suspect = /[^\t\x20-\x7e]/

/** Returns one line of text for a terminal or a viewer of logs: what could harm is shown as what it is, as `\u001b`. */
export function printable(text: string): string {
  return suspect.test(text) ? text.replaceAll(harmful, escape) : text
}

/** Returns text of several lines for a terminal; colours stay. */
export function printableLines(text: string): string {
  if (!/[^\n\x20-\x7e]/.test(text)) return text
  // oxlint-disable-next-line no-control-regex -- the sequence that sets a colour
  return text.replaceAll(/\n|\u001b\[\d{0,2}m|[^\n\u001b]+|\u001b/g, part =>
    part === '\n' || (part.length > 1 && part.startsWith('\u001b')) ? part : printable(part),
  )
}

/** Returns JSON text that says the same, with every harmful character within its strings escaped. */
export function printableJson(text: string): string {
  // JSON.stringify has escaped C0 already; this is told faster than by an expression.
  const isHarmless = Buffer.byteLength(text) === text.length && !text.includes('\x7f')
  return isHarmless ? text : text.replaceAll(harmful, escapeInJson)
}

function escape(character: string): string {
  return Array.from({ length: character.length }, (_, index) => {
    return `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`
  }).join('')
}

// The only control character outside the strings of JSON that is written here is the line feed.
function escapeInJson(character: string): string {
  return character === '\n' ? character : escape(character)
}
