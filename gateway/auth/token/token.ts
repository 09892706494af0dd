import { Refusal } from '../../mcp/errors.ts'
import type { Claims, Jws } from '../jws.ts'

/** What tokens must be like at one proxy. */
export interface TokenRules {
  readonly issuer: string
  readonly algorithms: ReadonlySet<unknown>
  /** A token names at least one of them. */
  readonly audiences: ReadonlySet<unknown>
  /** Milliseconds that the clocks of issuer and gateway may be apart. */
  readonly clockSkew: number
}

/** OpenID Connect Core §2. */
const maxSubjectLength = 255
/** Milliseconds: how long an open stream may stand on one token, whatever the token says. */
const maxLifetimeMs = 24 * 60 * 60 * 1000
const accessTokenTypes = new Set(['jwt', 'at+jwt'])
/** What only ID tokens have (OpenID Connect Core §2, §3.3.2.11). */
const idTokenClaims = ['nonce', 'at_hash', 'c_hash']

/**
 * Checks what a token says of its making, before any key is looked up (RFC 8725 §3.1, §3.11; RFC 9068 §4). `jku`, `jwk`,
 * `x5u` and `x5c` are not looked at: keys come from the issuer alone.
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
 * Checks what a token claims, once its signature is proven (RFC 7519 §4.1, RFC 9068 §4).
 *
 * @param now milliseconds since the epoch
 * @param unlimited whether it may leave open when it expires
 * @returns whom it is about, to be written behind the issuer, and when it expires in milliseconds since the epoch, at
 *   most a day from now
 * @throws Refusal `credential_invalid` or `credential_expired`
 */
export function checkClaims(
  { claims }: Jws,
  rules: TokenRules,
  now: number,
  unlimited = false,
): { subject: string; expires: number } {
  const audience = claims['aud']
  const audiences: readonly unknown[] = Array.isArray(audience) ? audience : [audience]
  if (!audiences.some(one => rules.audiences.has(one))) throw new Refusal('token_audience')
  if (idTokenClaims.some(name => Object.hasOwn(claims, name))) throw new Refusal('token_is_id_token')
  const { exp } = claims
  const expires = unlimited && exp === undefined ? Infinity : instant(exp)
  if (expires === undefined) throw new Refusal('token_no_expiry')
  if (now >= expires + rules.clockSkew) throw new Refusal('token_expired')
  if (claims['nbf'] !== undefined) {
    const begins = instant(claims['nbf'])
    if (begins === undefined || now < begins - rules.clockSkew) throw new Refusal('token_early')
  }
  const end = now < expires ? expires : expires + rules.clockSkew
  return { subject: subjectOf(claims), expires: Math.min(end, now + maxLifetimeMs) }
}

/** The scopes of a token: text as in RFC 9068 §2.2.3, or a list as some issuers write `scp`. */
export function scopesOf({ scope, scp }: Claims): ReadonlySet<string> {
  return new Set([scope, scp].flatMap(listed))
}

function listed(value: unknown): string[] {
  if (typeof value === 'string') return value.split(' ').filter(one => one !== '')
  return Array.isArray(value) ? value.filter(one => typeof one === 'string') : []
}

/**
 * The user; where there is none, the client that speaks for itself. They are told apart behind the issuer, where no
 * subject can write: a client must not pass for a user by its name (RFC 9700 §4.15).
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
