/**
 * The credential that a header carries behind a word, as in `Authorization: Bearer TOKEN` (RFC 9110 §11.4);
 * the whole value where the word is empty, and undefined where the header says something else or is absent.
 */
export function fromHeader(value: string | string[] | undefined, scheme: string): string | undefined {
  const text = Array.isArray(value) ? value.join(', ') : value
  if (text === undefined || scheme === '') return text
  if (text.length > scheme.length && text[scheme.length] !== ' ') return undefined
  if (text.slice(0, scheme.length).toLowerCase() !== scheme.toLowerCase()) return undefined
  return text.slice(scheme.length).trim()
}
