import { isUtf8 } from 'node:buffer'
import { Refusal } from './errors.ts'

/** RFC 9110 §5.5 as MCP narrows it: visible ASCII, spaces and tabs. */
const plain = /^[\t\x20-\x7e]*$/
const prefix = '=?base64?'
const suffix = '?='

/**
 * Reads a header that mirrors a value of the body: removes white space around it and undoes `=?base64?…?=`
 * (MCP 2026-07-28, Value Encoding).
 *
 * @returns undefined where two readers could read it differently: other characters than ASCII, malformed Base64, or
 *   Base64 of what is not UTF-8
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

/** Writes a text as the value of a header that mirrors a value of the body. */
export function encodeMirrored(text: string): string {
  const isPlain = /^[!-~](?:[ -~]*[!-~])?$/.test(text) && !text.startsWith(prefix)
  return isPlain ? text : prefix + Buffer.from(text).toString('base64') + suffix
}

/** Makes the refusal of a header that says something else than a member of the body; undefined for none that it mirrors. */
export function headerMismatch(
  header: string,
  value: string | undefined,
  member: string | undefined,
  id: string | undefined,
): Refusal {
  if (value === undefined)
    return new Refusal('mcp_header_missing', { values: { header, member: `${member}` }, id })
  const shown = JSON.stringify(value.slice(0, 128))
  return member === undefined
    ? new Refusal('mcp_header_unexpected', { values: { header, value: shown }, id })
    : new Refusal('mcp_header_differs', { values: { header, value: shown, member }, id })
}
