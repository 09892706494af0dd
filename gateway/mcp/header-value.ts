import { isUtf8 } from 'node:buffer'
import { Refusal } from './errors.ts'

/** RFC 9110 §5.5, restricted by MCP to visible ASCII, spaces and tabs. */
const plain = /^[\t\x20-\x7e]*$/
const prefix = '=?base64?'
const suffix = '?='

/**
 * Decodes a header that mirrors a value of the body: trims it and decodes `=?base64?…?=` (MCP 2026-07-28, Value Encoding).
 *
 * @returns undefined if parsers could read it differently: it has characters other than ASCII, malformed Base64, or Base64 of
 *   text that is not UTF-8
 */
export function decodeMirrored(value: string): string | undefined {
  if (!plain.test(value)) return undefined
  const text = value.trim()
  if (!text.startsWith(prefix) || !text.endsWith(suffix) || text.length < prefix.length + suffix.length) {
    return text
  }
  const encoded = text.slice(prefix.length, -suffix.length)
  const bytes = Buffer.from(encoded, 'base64')
  return bytes.toString('base64') === encoded && isUtf8(bytes) ? bytes.toString('utf8') : undefined
}

/** Encodes a text for a header that mirrors a value of the body. */
export function encodeMirrored(text: string): string {
  const isPlain = /^[!-~](?:[ -~]*[!-~])?$/.test(text) && !text.startsWith(prefix)
  return isPlain ? text : prefix + Buffer.from(text).toString('base64') + suffix
}

/** Returns the beginning of a text of the client, quoted and escaped, for a message. */
export function quotedPart(text: string): string {
  return JSON.stringify(text.slice(0, 128))
}

/**
 * Returns the refusal of a header that contradicts the body.
 *
 * @param value of the header; undefined if it is missing
 * @param member the path of the member that it must mirror; undefined if there is none
 */
export function headerMismatch(
  header: string,
  value: string | undefined,
  member: string | undefined,
  id: string | undefined,
): Refusal {
  if (value === undefined)
    return new Refusal('mcp_header_missing', { values: { header, member: `${member}` }, id })
  const quoted = quotedPart(value)
  return member === undefined
    ? new Refusal('mcp_header_unexpected', { values: { header, value: quoted }, id })
    : new Refusal('mcp_header_differs', { values: { header, value: quoted, member }, id })
}
