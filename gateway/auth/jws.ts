import { isUtf8 } from 'node:buffer'
import { memberCount, nesting } from '../mcp/json.ts'
import type { Detail } from '../mcp/refusal-table.ts'

/** The members of a JSON object from outside. */
export type Claims = Readonly<Record<string, unknown>>

/** A signed token whose signature is not yet verified (RFC 7515 §7.1, compact serialization). */
export interface Jws {
  readonly text: string
  readonly header: Claims
  readonly claims: Claims
}

const compact = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]*)\.([A-Za-z0-9_-]*)$/
/** Largest length of a token, in characters. About 200 groups fit into 14 KiB. */
export const maxTokenLength = 16 * 1024
/** Deeply nested claims take a hundred times the memory of their text. */
const maxDepth = 8

/**
 * Returns the issuer that a signed token names; undefined if a credential is not a signed token. Nothing is verified: the
 * result only selects the auth method.
 */
export function peek(text: string): { readonly issuer: unknown } | undefined {
  const [, head, body] = compact.exec(text) ?? []
  if (head === undefined || objectIn(head)?.['alg'] === undefined) return undefined
  return { issuer: objectIn(body!)?.['iss'] }
}

/**
 * Parses a signed token so strictly that every parser reads the same: canonical base64url, UTF-8, and JSON objects without
 * repeated members, at any depth.
 *
 * @returns the token, or the detail of the refusal
 */
export function readJws(text: string): Jws | Detail {
  if (text.length > maxTokenLength) return 'token_too_large'
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

/** Parses a JSON object that is not deeply nested. `strict` refuses repeated members, at any depth. */
export function readClaims(text: string, strict: boolean): Claims | undefined {
  if (nesting(text) > maxDepth) return undefined
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
    if (strict && memberCount(text) !== keysIn(value)) return undefined
    return value as Claims
  } catch {
    return undefined
  }
}

function keysIn(value: object): number {
  const inner: unknown[] = Object.values(value)
  let keys = Array.isArray(value) ? 0 : inner.length
  for (const one of inner) if (typeof one === 'object' && one !== null) keys += keysIn(one)
  return keys
}
