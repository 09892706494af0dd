const invisible: Readonly<Record<string, string>> = {
  '\t': 'a tab',
  '\n': 'a line break',
  '\r': 'a line break',
  ' ': 'a space',
  '\u00A0': 'a no-break space (U+00A0)',
  '\u200B': 'a zero-width space (U+200B)',
  '\uFEFF': 'a byte order mark (U+FEFF)',
}

const blank = /[\s\u00AD\u200B-\u200F\u2060\uFEFF]/u

/** Returns the name of the blank or invisible character at an end of a text; undefined if there is none. */
export function blanksAround(text: string): string | undefined {
  const [first = '', last = ''] = [text.at(0), text.at(-1)]
  const isEscaped = /(?:^|[^\\])\\(?:\\\\)*.$/su.test(text)
  const found = blank.test(first) ? first : blank.test(last) && !isEscaped ? last : undefined
  if (found === undefined) return undefined
  const code = found.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')
  return invisible[found] ?? `the invisible character U+${code}`
}

/** Returns a text without the blank and invisible characters at its ends. */
export function withoutBlanks(text: string): string {
  let [start, end] = [0, text.length]
  while (start < end && blank.test(text[start]!)) start += 1
  while (end > start && blank.test(text[end - 1]!)) end -= 1
  return text.slice(start, end)
}
