import type { Detail } from '../mcp/refusal-table.ts'

/**
 * Returns the credential after the scheme of a header, as in `Authorization: Bearer TOKEN` (RFC 9110 §11.4). An empty scheme
 * gives the whole value. Undefined if the header is absent, has another scheme, or has no credential.
 */
export function fromHeader(value: string | string[] | undefined, scheme: string): string | undefined {
  const text = Array.isArray(value) ? value.join(', ') : value
  if (text === undefined || text === '' || scheme === '') return text || undefined
  if (text.length > scheme.length && text[scheme.length] !== ' ') return undefined
  if (text.slice(0, scheme.length).toLowerCase() !== scheme.toLowerCase()) return undefined
  return text.slice(scheme.length).trim() || undefined
}

/** Placeholders in the languages of configurations, shells and templates: `${KEY}`, `$KEY`, `{{key}}`, `<key>`, `%KEY%`. */
const placeholder = /^(?:\$\{[^}]*\}|\$\w+|\{\{[^}]*\}\}|<[\w -]+>|%\w+%)$/
/** What clients write for a variable that is not set. */
const unset = /^(?:undefined|null|none|nil|nan|\[object Object\])$/i

/**
 * Returns the common mistake that a credential shows which no auth method knows; undefined for none. It is looked for only then:
 * any text may be a key.
 */
export function mistakeIn(credential: string): Detail | undefined {
  if (/^bearer /i.test(credential)) return 'credential_scheme_twice'
  if (placeholder.test(credential)) return 'credential_placeholder'
  return unset.test(credential) ? 'credential_unset' : undefined
}
