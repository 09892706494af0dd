/**
 * Returns the credential after the scheme of a header, as in `Authorization: Bearer TOKEN` (RFC 9110 §11.4). An empty scheme
 * gives the whole value. Undefined if the header is absent or has another scheme.
 */
export function fromHeader(value: string | string[] | undefined, scheme: string): string | undefined {
  const text = Array.isArray(value) ? value.join(', ') : value
  if (text === undefined || scheme === '') return text
  if (text.length > scheme.length && text[scheme.length] !== ' ') return undefined
  if (text.slice(0, scheme.length).toLowerCase() !== scheme.toLowerCase()) return undefined
  return text.slice(scheme.length).trim()
}
