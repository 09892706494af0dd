import { Refusal } from '../../mcp/errors.ts'
import type { Detail } from '../../mcp/refusal-table.ts'
import type { Claims, Jws } from '../jws.ts'
import { otherKind } from './token-kind.ts'

/** The requirements that one proxy has for tokens. */
export interface TokenRules {
  readonly issuer: string
  readonly algorithms: ReadonlySet<unknown>
  /** The audiences of which a token must name at least one. */
  readonly audiences: ReadonlySet<unknown>
  /** The clients whose tokens need no audience; undefined for none. */
  readonly clients?: ReadonlySet<unknown> | undefined
  /** Largest difference between the clocks of issuer and gateway, in milliseconds. */
  readonly clockSkew: number
}

/** OpenID Connect Core §2. */
const maxSubjectLength = 255
/** How long a stream may depend on one token, however late the token expires. */
const maxLifetimeMs = 24 * 60 * 60 * 1000
const accessTokenTypes = new Set(['jwt', 'at+jwt'])

/**
 * Checks the issuer and the header of a token before any key is looked up (RFC 8725 §3.1, §3.11; RFC 9068 §4). `jku`, `jwk`,
 * `x5u` and `x5c` are ignored: keys come from the issuer alone.
 *
 * @throws Refusal `credential_invalid`
 */
export function checkProvenance({ header, claims }: Jws, { algorithms, issuer }: TokenRules): void {
  if (claims['iss'] !== issuer) throw new Refusal('token_issuer')
  if (!algorithms.has(header['alg'])) throw new Refusal('token_algorithm')
  if (header['crit'] !== undefined) throw new Refusal('token_critical')
  if (header['kid'] !== undefined && typeof header['kid'] !== 'string') throw new Refusal('token_kid')
  const { typ } = header
  if (typ === undefined) return
  const type = typeof typ === 'string' ? typ.toLowerCase().replace(/^application\//, '') : ''
  if (!accessTokenTypes.has(type)) throw new Refusal('token_type')
}

/**
 * Checks the claims of a token whose signature was verified (RFC 7519 §4.1, RFC 9068 §4).
 *
 * @param now milliseconds since the epoch
 * @param optionalExpiry whether `exp` is optional
 * @returns the subject, to be appended to the issuer; and the expiry in milliseconds since the epoch, at most a day from
 *   now
 * @throws Refusal `credential_invalid` or `credential_expired`
 */
export function checkClaims(
  { claims }: Jws,
  rules: TokenRules,
  now: number,
  optionalExpiry = false,
): { subject: string; expires: number } {
  const other = otherKind(claims) ?? otherAudience(claims, rules)
  if (other !== undefined) throw new Refusal(other)
  const { exp } = claims
  const expires = optionalExpiry && exp === undefined ? Infinity : instant(exp)
  if (expires === undefined) throw new Refusal('token_no_expiry')
  if (now >= expires + rules.clockSkew) throw new Refusal('token_expired')
  if (claims['nbf'] !== undefined) {
    const begins = instant(claims['nbf'])
    if (begins === undefined || now < begins - rules.clockSkew) throw new Refusal('token_early')
  }
  const end = now < expires ? expires : expires + rules.clockSkew
  return { subject: subjectOf(claims), expires: Math.min(end, now + maxLifetimeMs) }
}

/** Returns why a token is not meant for this proxy; undefined if it is. */
function otherAudience(
  { aud, client_id: client, azp }: Claims,
  { audiences, clients }: TokenRules,
): Detail | undefined {
  if (aud !== undefined) {
    const named: readonly unknown[] = Array.isArray(aud) ? aud : [aud]
    return named.some(one => audiences.has(one)) ? undefined : 'token_audience'
  }
  if (clients === undefined) return 'token_no_audience'
  const parties = [client, azp].filter(party => party !== undefined)
  return parties.length > 0 && parties.every(party => clients.has(party)) ? undefined : 'token_client'
}

/** Returns the scopes of a token: a string as in RFC 9068 §2.2.3, or a list as in the `scp` of some issuers. */
export function scopesOf({ scope, scp }: Claims): ReadonlySet<string> {
  return new Set([scope, scp].flatMap(listed))
}

function listed(value: unknown): string[] {
  if (typeof value === 'string') return value.split(' ').filter(one => one !== '')
  return Array.isArray(value) ? value.filter(one => typeof one === 'string') : []
}

/**
 * Returns the user or, without one, the client. The prefix tells them apart, so that a client cannot pass for a user by its
 * name (RFC 9700 §4.15).
 */
function subjectOf({ sub, client_id: client, azp }: Claims): string {
  const subject = sub === undefined ? (client ?? azp) : sub
  if (typeof subject !== 'string' || subject === '') throw new Refusal('token_no_subject')
  if (subject.length > maxSubjectLength) throw new Refusal('token_subject_too_long')
  return sub === undefined ? `?client=${subject}` : `#${subject}`
}

function instant(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value * 1000) ? value * 1000 : undefined
}
