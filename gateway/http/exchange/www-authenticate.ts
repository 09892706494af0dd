import { bearerChallenge, challenge } from '../../auth/challenge.ts'
import type { Refusal } from '../../mcp/errors.ts'
import type { ServedProxy } from './snapshot.ts'

/**
 * Returns the value of WWW-Authenticate that goes with a refusal; undefined where none does.
 *
 * With a 401 it names every auth method of the proxy, Bearer first, because widespread clients read only the first
 * challenge, and an `error` only where a credential was sent (RFC 6750 §3.1). With `insufficient_scope` it names every
 * scope that the operation needs, so that a client can ask for all of them at once (MCP 2026-07-28, authorization, Scope
 * Challenge Handling).
 */
export function wwwAuthenticate(proxy: ServedProxy, refusal: Refusal): string | undefined {
  const { name: realm, resource, access } = proxy
  const { status, reason, message: description, scopes = [] } = refusal
  if (reason === 'insufficient_scope') {
    return bearerChallenge(realm, resource?.metadataUrl, {
      error: reason,
      scope: scopes.join(' '),
      description,
    })
  }
  if (status !== 401) return undefined
  const bearer = {
    ...(reason !== 'credential_missing' && { error: 'invalid_token' as const, description }),
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
  return [...challenges].join(', ')
}

function isBearer(scheme: string): boolean {
  return scheme.toLowerCase() === 'bearer'
}
