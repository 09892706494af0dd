import { claimAt } from '../../auth/claim-at.ts'
import type { Principal } from '../../auth/principal.ts'

/** Names of the headers that identify the caller to the upstream; see `upstream.caller`. */
export interface CallerHeaders {
  readonly principal: string
  readonly kind?: string | undefined
  readonly roles?: string | undefined
  /** Header names by claim. */
  readonly claims?: Readonly<Record<string, string>> | undefined
}

/** Room for some 200 groups. Many servers accept no longer header. */
const maxClaimLength = 8 * 1024

/**
 * Returns the headers that identify the caller to the upstream, as name-value pairs.
 *
 * @param token the caller's access token, which is never forwarded, not even inside a claim
 */
export function callerHeaders(
  names: CallerHeaders | undefined,
  principal: Principal,
  token?: string | undefined,
): (readonly [string, string])[] {
  if (names === undefined) return []
  const headers: (readonly [string, string])[] = [[names.principal, headerSafe(principal.name)]]
  if (names.kind !== undefined) headers.push([names.kind, principal.kind])
  if (names.roles !== undefined) headers.push([names.roles, principal.roles.map(headerSafe).join(',')])
  for (const [claim, name] of Object.entries(names.claims ?? {})) {
    const { claims = {} } = principal
    const value = claimText(claimAt(claims, claim))
    if (value === undefined || value.length > maxClaimLength) continue
    if (token === undefined || !value.includes(headerSafe(token))) headers.push([name, value])
  }
  return headers
}

/** Returns a claim as text; undefined if it is not a string, number or boolean, or a list of those. */
function claimText(value: unknown): string | undefined {
  const values: unknown[] = Array.isArray(value) ? value : [value]
  const plain = values.every(one => ['string', 'number', 'boolean'].includes(typeof one))
  return plain ? values.map(one => headerSafe(String(one))).join(',') : undefined
}

/** Percent-encodes everything except visible ASCII, and also commas and percent signs, so that it can be decoded. */
function headerSafe(text: string): string {
  let safe = ''
  for (const byte of Buffer.from(text)) {
    const plain = byte > 0x20 && byte < 0x7f && byte !== 0x25 && byte !== 0x2c
    safe += plain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return safe
}
