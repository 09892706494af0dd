import { fromHeader } from '../gateway/auth/header-credential.ts'
import { peek } from '../gateway/auth/jws.ts'
import { authenticateToken, reviewToken, type TokenMethod } from '../gateway/auth/token/authenticate-token.ts'
import { compileGrants } from '../gateway/auth/token/grants.ts'
import { tokenRulesOf } from '../gateway/auth/token/token-rules.ts'
import { createVerifiedTokens } from '../gateway/auth/token/verified-tokens.ts'
import type { JwtAuth } from '../schema/config.ts'
import type { Authenticator, IdentityPolicy, PolicyDependencies } from './policy.ts'

const authorization = 'authorization'

/**
 * Accepts the access tokens of an issuer: signed ones (RFC 6750 §2.1, RFC 9068), and opaque ones that the issuer is asked
 * about (RFC 7662).
 */
export const jwt: IdentityPolicy<JwtAuth> = {
  kind: 'jwt',
  stage: 'identity',
  header: headerOf,
  create(options, dependencies): Authenticator {
    const method = createMethod(options, dependencies)
    const { issuer } = options
    const header = headerOf(options)
    const inOwnHeader = header !== authorization
    return {
      method: method.name,
      header,
      sentAs: inOwnHeader ? `a token in the header ${options.header}` : undefined,
      challenge: {
        scheme: 'Bearer',
        parameters: inOwnHeader ? { in: 'header', name: options.header! } : {},
      },
      credential({ headers }) {
        const value = headers[header]
        const token = fromHeader(value, 'Bearer')
        // Only Authorization has a scheme by definition (RFC 9110 §11.6.2). An empty header is none.
        return token === undefined && inOwnHeader && value !== '' ? fromHeader(value, '') : token
      },
      recognizes(credential) {
        const token = peek(credential)
        if (token === undefined) return method.introspection === undefined ? 'no' : 'own'
        return token.issuer === issuer ? 'own' : 'kind'
      },
      authenticate: (credential, now, head) => authenticateToken(method, credential, now, head),
      review: (principal, now) => reviewToken(method, principal, now),
    }
  },
}

/** Accepts the same tokens, on proxies that also tell clients how to get one: see auth/resource.ts. */
export const oauth: IdentityPolicy<JwtAuth> = { ...jwt, kind: 'oauth' }

function headerOf({ header }: JwtAuth): string {
  return header?.toLowerCase() ?? authorization
}

function createMethod(
  options: JwtAuth,
  { name, ownAudiences, tokenKeys, introspection, openTokens }: PolicyDependencies,
): TokenMethod {
  const keys = tokenKeys(options)
  return {
    name,
    rules: tokenRulesOf(options, ownAudiences),
    keys,
    introspection: introspection(options),
    introspectsSigned: options.introspection?.tokens === 'all',
    verified: createVerifiedTokens(keys),
    openTokens,
    rolesOf: compileGrants(options.grants),
  }
}
