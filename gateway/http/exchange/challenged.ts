import { bearerChallenge, challenge } from '../../auth/challenge.ts'
import { Refusal } from '../../mcp/errors.ts'
import type { ServedProxy } from './snapshot.ts'

/**
 * Adds WWW-Authenticate: one answer that names every method, Bearer first, because widespread clients read
 * no further than the first challenge; an `error` only where a credential was sent (RFC 6750 §3.1).
 */
export function challenged(proxy: ServedProxy, refusal: Refusal): Refusal {
  const { name: realm, resource, access } = proxy
  const bearer = {
    ...(refusal.reason !== 'credential_missing' && {
      error: 'invalid_token' as const,
      description: refusal.message,
    }),
    scope: resource === undefined ? '' : access.scopes.required.join(' '),
  }
  const challenges = new Set(
    proxy.authenticators
      .map(authenticator => authenticator.challenge)
      .toSorted((a, b) => Number(isBearer(b.scheme)) - Number(isBearer(a.scheme)))
      .map(({ scheme, parameters }) =>
        isBearer(scheme)
          ? bearerChallenge(realm, resource?.metadataUrl, { ...bearer, parameters })
          : challenge(scheme, { realm, ...parameters }),
      ),
  )
  const headers = { 'www-authenticate': [...challenges].join(', ') }
  return new Refusal(refusal.reason, refusal.message, { headers, rule: refusal.rule })
}

function isBearer(scheme: string): boolean {
  return scheme.toLowerCase() === 'bearer'
}
