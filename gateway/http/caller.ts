import type { Principal } from '../access/principal.ts'

/** The names of the headers that tell the upstream who called; see `upstream.caller`. */
export interface CallerHeaders {
  readonly principal: string
  readonly kind?: string | undefined
  readonly roles?: string | undefined
}

/** The headers that tell the upstream who called, as name-value pairs. */
export function callerHeaders(
  names: CallerHeaders | undefined,
  principal: Principal,
): (readonly [string, string])[] {
  if (names === undefined) return []
  const headers: (readonly [string, string])[] = [[names.principal, headerSafe(principal.name)]]
  if (names.kind !== undefined) headers.push([names.kind, principal.kind])
  if (names.roles !== undefined) headers.push([names.roles, principal.roles.map(headerSafe).join(',')])
  return headers
}

/** Percent-encodes what is no visible ASCII, and commas and percent signs, so that it can be taken back. */
function headerSafe(text: string): string {
  let safe = ''
  for (const byte of Buffer.from(text)) {
    const plain = byte > 0x20 && byte < 0x7f && byte !== 0x25 && byte !== 0x2c
    safe += plain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return safe
}
