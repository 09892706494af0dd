import { Refusal } from '../../mcp/errors.ts'
import { maxTokenLength, type Claims } from '../jws.ts'
import { checkClaims, type TokenRules } from './token.ts'
import { otherKind } from './token-kind.ts'

/** Asks an issuer about its tokens (RFC 7662). */
export interface Introspection {
  /**
   * Returns the issuer's claims about an active token. Rejects with a Refusal: `credential_invalid` if the token is not
   * active, `issuer_unavailable` if the issuer does not answer.
   *
   * @param digest of the token, in hex
   */
  ask(token: string, digest: string): Promise<Claims>
  /**
   * Returns the last answer without waiting, and the instant at which it becomes stale, in milliseconds since the epoch.
   * Undefined if there is none yet; the issuer is then asked. Throws a Refusal `credential_invalid`.
   */
  recall(token: string, digest: string): { readonly claims: Claims; readonly until: number } | undefined
}

/** RFC 6750 §2.1. Shorter tokens could be guessed (RFC 6749 §10.10). */
const shape = /^[A-Za-z0-9._~+/-]{16,}=*$/
/** The prefix of API keys of this gateway, mistyped ones included. */
const apiKeyPrefix = 'gate_'

/**
 * Checks that a text may be sent to an issuer. Texts that cannot be tokens are never sent, above all API keys of this
 * gateway.
 *
 * @throws Refusal `credential_invalid`
 */
export function checkOpaque(text: string): void {
  if (text.length > maxTokenLength) throw new Refusal('token_too_large')
  if (!shape.test(text) || text.startsWith(apiKeyPrefix)) throw new Refusal('token_opaque')
}

/**
 * Checks that an introspected token is from the issuer that was asked (RFC 7662 §2.2, `iss`), and that it is an access token.
 *
 * @throws Refusal `credential_invalid`
 */
export function checkAnswer(answer: Claims, { issuer }: TokenRules): void {
  const { iss, token_type: type } = answer
  if (iss !== undefined && iss !== issuer) throw new Refusal('token_issuer')
  const other = otherKind(answer)
  if (other !== undefined) throw new Refusal(other)
  if (type !== undefined && String(type).toLowerCase() !== 'bearer') throw new Refusal('token_scheme')
}

/**
 * Checks the introspected claims of a token like those of a JWT, except that `iss` and `exp` are optional (RFC 7662 §2.2).
 *
 * @param now milliseconds since the epoch
 * @returns the same as `checkClaims`
 * @throws Refusal `credential_invalid` or `credential_expired`
 */
export function checkIntrospected(
  claims: Claims,
  rules: TokenRules,
  now: number,
): ReturnType<typeof checkClaims> {
  checkAnswer(claims, rules)
  return checkClaims({ text: '', header: {}, claims }, rules, now, true)
}
