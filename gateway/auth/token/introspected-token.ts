import { Refusal } from '../../mcp/errors.ts'
import type { Claims } from '../jws.ts'
import { checkClaims, type TokenRules } from './token.ts'

/** Asks an issuer about its tokens (RFC 7662). */
export interface Introspection {
  /**
   * What the issuer says of a token that is active. Rejects with a Refusal: `credential_invalid` where the token is not,
   * `issuer_unavailable` where the issuer cannot be asked.
   *
   * @param digest of the token, in hex
   */
  ask(token: string, digest: string): Promise<Claims>
  /**
   * The same without waiting, and until when it counts, in milliseconds since the epoch; undefined where the issuer is
   * only now being asked. Throws a Refusal `credential_invalid`.
   */
  recall(token: string, digest: string): { readonly claims: Claims; readonly until: number } | undefined
}

/** RFC 6750 §2.1; shorter ones could be guessed (RFC 6749 §10.10). */
const shape = /^[A-Za-z0-9._~+/-]{16,}=*$/
const longest = 8 * 1024
/** How keys of this gateway begin, whole or mangled. */
const ownPrefix = 'gate_'
/** What issuers that tell kinds of tokens apart say of access tokens. */
const accessTokenUses = new Set<unknown>([undefined, 'access_token', 'access'])

/**
 * Whether an issuer is to be asked about a text at all. What cannot be a token of it is kept to ourselves, keys of this
 * gateway above all.
 *
 * @throws Refusal `credential_invalid`
 */
export function checkOpaque(text: string): void {
  if (text.length > longest) throw new Refusal('token_too_large')
  if (!shape.test(text) || text.startsWith(ownPrefix)) throw new Refusal('token_opaque')
}

/**
 * Checks that what an issuer says of a token is not of somebody else's (RFC 7662 §2.2, `iss`).
 *
 * @throws Refusal `credential_invalid`
 */
export function checkIssuer({ iss }: Claims, { issuer }: TokenRules): void {
  if (iss !== undefined && iss !== issuer) throw new Refusal('token_issuer')
}

/**
 * Checks what an issuer says of a token: as what a JWT claims, but that `iss` and `exp` may be left out (RFC 7662 §2.2).
 *
 * @param now milliseconds since the epoch
 * @returns as `checkClaims`
 * @throws Refusal `credential_invalid` or `credential_expired`
 */
export function checkIntrospected(
  claims: Claims,
  rules: TokenRules,
  now: number,
): ReturnType<typeof checkClaims> {
  checkIssuer(claims, rules)
  const { token_type: type, token_use: use } = claims
  if (type !== undefined && String(type).toLowerCase() !== 'bearer') throw new Refusal('token_scheme')
  if (!accessTokenUses.has(use)) throw new Refusal('token_type')
  return checkClaims({ text: '', header: {}, claims }, rules, now, true)
}
