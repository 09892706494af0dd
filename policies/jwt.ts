import { createHash } from 'node:crypto'
import { compileGrants } from '../gateway/auth/token/grants.ts'
import { fromHeader } from '../gateway/auth/header-credential.ts'
import {
  checkIntrospected,
  checkIssuer,
  checkOpaque,
  type Introspection,
} from '../gateway/auth/token/introspected-token.ts'
import { peek, readJws, type Claims } from '../gateway/auth/jws.ts'
import type { Authenticator, IdentityPolicy } from './policy.ts'
import type { Principal } from '../gateway/auth/principal.ts'
import { checkClaims, checkProvenance, scopesOf, type TokenRules } from '../gateway/auth/token/token.ts'
import { checkBinding } from '../gateway/auth/token/token-binding.ts'
import { createVerifiedTokens } from '../gateway/auth/token/verified-tokens.ts'
import { parseDuration } from '../gateway/values/units.ts'
import { Refusal } from '../gateway/mcp/errors.ts'
import type { JwtAuth } from '../schema/config.ts'

const header = 'authorization'

/** Access tokens of an issuer: those that it signed as JWTs (RFC 6750 §2.1, RFC 9068), and those that it is asked about (RFC 7662). */
export const jwt: IdentityPolicy<JwtAuth> = {
  kind: 'jwt',
  stage: 'identity',
  header: () => header,
  create(options, { name: method, ownAudiences, tokenKeys, introspection, openTokens }): Authenticator {
    const { signatures, revalidations, introspected } = openTokens
    const { issuer } = options
    const rules: TokenRules = {
      issuer,
      algorithms: new Set(options.algorithms),
      audiences: new Set(options.audiences ?? ownAudiences),
      clockSkew: parseDuration(options.clockSkew),
    }
    const keys = tokenKeys(options)
    const asked = introspection(options)
    const askedAboutAll = options.introspection?.tokens === 'all' ? asked : undefined
    const rolesOf = compileGrants(options.grants)
    const verified = createVerifiedTokens(keys)

    function principalOf(
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
    async function judge(text: string, digest: string, now: number): Promise<Principal> {
      const token = readJws(text)
      if (typeof token === 'string') throw new Refusal(token)
      checkProvenance(token, rules)
      const generation = keys.generation()
      await keys.verify(token)
      const principal = principalOf(token.claims, checkClaims(token, rules, now), digest)
      signatures.begin(principal, token, generation)
      return principal
    }
    async function judgeOpaque(
      { ask }: Introspection,
      text: string,
      digest: string,
      now: number,
    ): Promise<Principal> {
      checkOpaque(text)
      const claims = await ask(text, digest)
      const principal = principalOf(claims, checkIntrospected(claims, rules, now), digest)
      // Names are written down, and told to upstreams.
      if (principal.name.includes(text)) throw new Refusal('token_subject_is_token')
      revalidations.begin(principal, text, now)
      introspected.add(principal)
      return principal
    }

    return {
      method,
      header,
      challenge: { scheme: 'Bearer', parameters: {} },
      credential: head => fromHeader(head.headers[header], 'Bearer'),
      recognises(credential) {
        const token = peek(credential)
        if (token === undefined) return asked === undefined ? 'no' : 'own'
        return token.issuer === issuer ? 'own' : 'kind'
      },
      async authenticate(credential, now, head) {
        const digest = createHash('sha256').update(credential).digest('hex')
        let principal = verified.get(digest, now)
        if (principal === undefined && asked !== undefined && peek(credential) === undefined) {
          principal = await judgeOpaque(asked, credential, digest, now)
        } else {
          principal ??= await verified.keep(now, credential.length, judge(credential, digest, now))
          if (askedAboutAll !== undefined) {
            checkIssuer(await askedAboutAll.ask(credential, digest), rules)
            revalidations.begin(principal, credential, now)
          }
        }
        // Never part of what is remembered: the next request may come over another connection.
        checkBinding(principal.claims!, head)
        return principal
      },
      review(principal, now) {
        const { claims: before } = principal
        if (before === undefined) throw new Refusal('token_forgotten')
        if (now >= principal.expires) throw new Refusal('token_expired')
        const signed = signatures.review(principal, keys, now)
        const said = asked && revalidations.review(principal, asked, now)
        const latest = introspected.has(principal) ? said?.claims : undefined
        if (latest !== undefined && issuer + checkIntrospected(latest, rules, now).subject !== principal.name)
          throw new Refusal('token_subject_changed')
        const claims = latest ?? before
        const expires = Math.min(principal.expires, signed, said?.again ?? Infinity)
        return { ...principal, roles: rolesOf(claims), scopes: scopesOf(claims), expires }
      },
    }
  },
}

/** The same, where the proxy also tells clients how to get a token: see auth/resource.ts. */
export const oauth: IdentityPolicy<JwtAuth> = { ...jwt, kind: 'oauth' }
