import { createHash } from 'node:crypto'
import { Refusal } from '../../mcp/errors.ts'
import { mistakeIn } from '../header-credential.ts'
import { peek, readJws, type Claims } from '../jws.ts'
import type { Principal } from '../principal.ts'
import type { RequestHead } from '../request-head.ts'
import { checkAnswer, checkIntrospected, checkOpaque, type Introspection } from './introspected-token.ts'
import type { OpenTokens } from './open-tokens.ts'
import { checkBinding } from './token-binding.ts'
import type { TokenKeys } from './token-keys.ts'
import { checkClaims, checkProvenance, scopesOf, type TokenRules } from './token.ts'
import type { VerifiedTokens } from './verified-tokens.ts'

/** An auth method that accepts the tokens of one issuer. */
export interface TokenMethod {
  /** The name of the auth method in gateway.yaml. */
  readonly name: string
  readonly rules: TokenRules
  readonly keys: TokenKeys
  /** Asks the issuer about tokens; undefined if the method accepts signed tokens only. */
  readonly introspection: Introspection | undefined
  /** Whether the issuer is asked about signed tokens, too. */
  readonly introspectsSigned: boolean
  readonly verified: VerifiedTokens
  readonly openTokens: OpenTokens
  /** Returns the roles that the method grants for the claims of a token. */
  rolesOf(this: void, claims: Claims): readonly string[]
}

/**
 * Returns the principal that a token proves.
 *
 * @param now milliseconds since the epoch
 * @throws Refusal `credential_invalid`, `credential_expired`, `keys_unavailable` or `issuer_unavailable`
 */
export async function authenticateToken(
  method: TokenMethod,
  text: string,
  now: number,
  head: RequestHead,
): Promise<Principal> {
  const { introspection, verified } = method
  const digest = createHash('sha256').update(text).digest('hex')
  let principal = verified.get(digest, now)
  if (principal === undefined && introspection !== undefined && peek(text) === undefined) {
    principal = await introspectOpaque(method, introspection, text, digest, now)
  } else {
    principal ??= await verified.keep(now, text.length, verifySigned(method, text, digest, now))
    if (method.introspectsSigned && introspection !== undefined) {
      checkAnswer(await introspection.ask(text, digest), method.rules)
      method.openTokens.revalidations.begin(principal, text, now)
    }
  }
  // Not cached with the token: the next request may use another connection.
  named(principal.name, () => checkBinding(principal.claims!, head))
  return principal
}

async function verifySigned(
  method: TokenMethod,
  text: string,
  digest: string,
  now: number,
): Promise<Principal> {
  const { keys, rules, openTokens } = method
  const token = readJws(text)
  if (typeof token === 'string') throw new Refusal(mistakeIn(text) ?? token)
  checkProvenance(token, rules)
  const generation = keys.generation()
  await keys.verify(token)
  const { sub } = token.claims
  const name = typeof sub === 'string' ? `${rules.issuer}#${sub}` : undefined
  const checked = named(name, () => checkClaims(token, rules, now))
  const principal = principalOf(method, token.claims, checked, digest)
  openTokens.signatures.begin(principal, token, generation)
  return principal
}

async function introspectOpaque(
  method: TokenMethod,
  introspection: Introspection,
  text: string,
  digest: string,
  now: number,
): Promise<Principal> {
  const { rules, openTokens } = method
  const mistake = mistakeIn(text)
  if (mistake !== undefined) throw new Refusal(mistake)
  checkOpaque(text)
  const claims = await introspection.ask(text, digest)
  const principal = principalOf(method, claims, checkIntrospected(claims, rules, now), digest)
  // Names are logged and sent to upstreams.
  if (principal.name.includes(text)) throw new Refusal('token_subject_is_token')
  openTokens.revalidations.begin(principal, text, now)
  openTokens.introspected.add(principal)
  return principal
}

/** Runs a check of claims that are proven; its refusal names the principal for the log. */
function named<T>(name: string | undefined, check: () => T): T {
  try {
    return check()
  } catch (error) {
    if (error instanceof Refusal) error.principal = name
    throw error
  }
}

function principalOf(
  { name: method, rules: { issuer }, rolesOf }: TokenMethod,
  claims: Claims,
  { subject, expires }: ReturnType<typeof checkClaims>,
  digest: string,
): Principal {
  return {
    kind: 'token',
    name: issuer + subject,
    issuer,
    roles: rolesOf(claims),
    grantedBy: `/auth/${method}/grants`,
    expires,
    digest,
    scopes: scopesOf(claims),
    claims,
  }
}

/**
 * Judges again, without waiting, a principal whose token was accepted before.
 *
 * @returns the principal with its current roles and scopes; it expires when it has to be judged again
 * @throws Refusal `credential_invalid`, `credential_expired` or `issuer_unavailable`
 */
export function reviewToken(method: TokenMethod, principal: Principal, now: number): Principal {
  const { rules, keys, introspection, openTokens, rolesOf } = method
  const { claims: before } = principal
  if (before === undefined) throw new Refusal('token_forgotten')
  if (now >= principal.expires) throw new Refusal('token_expired')
  const signatureReview = openTokens.signatures.review(principal, keys, now)
  const review = introspection && openTokens.revalidations.review(principal, introspection, now)
  const isOpaque = openTokens.introspected.has(principal)
  if (!isOpaque && review?.claims !== undefined) checkAnswer(review.claims, rules)
  const latest = isOpaque ? review?.claims : undefined
  if (latest !== undefined) {
    const { subject } = checkIntrospected(latest, rules, now)
    if (rules.issuer + subject !== principal.name) throw new Refusal('token_subject_changed')
  }
  const claims = latest ?? before
  const expires = Math.min(principal.expires, signatureReview, review?.again ?? Infinity)
  return { ...principal, roles: rolesOf(claims), scopes: scopesOf(claims), expires }
}
