import type { Detail } from '../../mcp/refusal-table.ts'
import type { Claims } from '../jws.ts'

/** Claims that only ID tokens have (OpenID Connect Core §3.3.2.11; FAPI 1.0 Advanced §5.2.2.1). */
const idTokenClaims = ['at_hash', 'c_hash', 's_hash']
/** Also only of ID tokens (OpenID Connect Core §2), but Keycloak before 25 repeats it in access tokens. */
const nonce = 'nonce'

/** Values that say *access token* in `token_use` (Cognito, Hydra) and `typ` (Keycloak), without case and separators. */
const accessKinds = new Set(['access', 'accesstoken', 'at', 'atjwt', 'jwt', 'bearer', 'dpop'])
const idKinds = new Set(['id', 'idtoken', 'serializedid'])
/** Values that name another kind in claims that issuers also use for something else. */
const otherKinds = new Set(
  `refresh refreshtoken offline offlinetoken logout logouttoken registrationaccesstoken
  initialaccesstoken`.split(/\s+/),
)

/** Claims whose only purpose is to say what kind of token this is: any other value than an access token's is refused. */
const exactClaims = ['token_use', 'typ']
/** Claims that say it with some issuers, and something else with others. */
const looseClaims = ['token_type', 'tokenType', 'type', 'purpose']

/**
 * Returns why a token is not an access token by its claims; undefined if it may be one. Issuers sign ID, refresh and logout
 * tokens with the same keys as access tokens, and say in different claims which is which.
 */
export function otherKind(claims: Claims): Detail | undefined {
  if (idTokenClaims.some(name => Object.hasOwn(claims, name))) return 'token_is_id_token'
  let isDeclared = false
  for (const name of exactClaims) {
    if (!Object.hasOwn(claims, name)) continue
    const kind = kindIn(claims[name])
    if (idKinds.has(kind)) return 'token_is_id_token'
    if (!accessKinds.has(kind)) return 'token_type'
    isDeclared = true
  }
  if (!isDeclared && Object.hasOwn(claims, nonce)) return 'token_is_id_token'
  for (const name of looseClaims) {
    if (!Object.hasOwn(claims, name)) continue
    const kind = kindIn(claims[name])
    if (idKinds.has(kind)) return 'token_is_id_token'
    if (otherKinds.has(kind)) return 'token_type'
  }
  // Logout tokens and other security events (OpenID Connect Back-Channel Logout §2.4, RFC 8417 §2.2).
  const { events } = claims
  return typeof events === 'object' && events !== null && !Array.isArray(events) ? 'token_type' : undefined
}

function kindIn(value: unknown): string {
  return typeof value === 'string'
    ? value
        .toLowerCase()
        .replace(/^application\//, '')
        .replaceAll(/[-_+ ]/g, '')
    : ''
}
