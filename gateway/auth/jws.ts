import { isUtf8 } from 'node:buffer'
import { members, nesting } from '../mcp/json.ts'
import type { Detail } from '../mcp/refusal-table.ts'

/** The members of a JSON object that somebody else wrote. */
export type Claims = Readonly<Record<string, unknown>>

/** A signed token as it was read, its signature still unjudged (RFC 7515 §7.1, compact serialisation). */
export interface Jws {
  readonly text: string
  readonly header: Claims
  readonly claims: Claims
}

const compact = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]*)\.([A-Za-z0-9_-]*)$/
const largest = 8 * 1024
/** Claims are flat; what is nested deep takes a hundred times its text to keep. */
const deepest = 8

/**
 * Whether a credential has the shape of a signed token, and if so which issuer it says it is from. Nothing of it is
 * proven: this only tells which auth method is to judge it.
 */
export function peek(text: string): { readonly issuer: unknown } | undefined {
  const [, head, body] = compact.exec(text) ?? []
  if (head === undefined || objectIn(head)?.['alg'] === undefined) return undefined
  return { issuer: objectIn(body!)?.['iss'] }
}

/**
 * Reads a signed token so strictly that no two readers can find different things in it: canonical base64url, UTF-8,
 * JSON objects without a member that stands twice.
 *
 * @returns the token, or the detail of a refusal that says why it is none
 */
export function readJws(text: string): Jws | Detail {
  if (text.length > largest) return 'token_too_large'
  const [, ...parts] = compact.exec(text) ?? []
  if (parts.length === 0) return 'token_malformed'
  if (parts.some(part => Buffer.from(part, 'base64url').toString('base64url') !== part))
    return 'token_encoding'
  const [header, claims] = parts.slice(0, 2).map(part => objectIn(part, true))
  if (header === undefined || claims === undefined) return 'token_claims'
  return { text, header, claims }
}

function objectIn(part: string, strict = false): Claims | undefined {
  const bytes = Buffer.from(part, 'base64url')
  return isUtf8(bytes) ? readClaims(bytes.toString(), strict) : undefined
}

/** Reads a JSON object that is not nested deep; `strict`: without a member that stands twice. */
export function readClaims(text: string, strict: boolean): Claims | undefined {
  if (nesting(text) > deepest) return undefined
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
    if (strict && members(text).length !== Object.keys(value).length) return undefined
    return value as Claims
  } catch {
    return undefined
  }
}
