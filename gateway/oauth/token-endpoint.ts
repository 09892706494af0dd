import { TokenUnavailable } from '../http/exchange/tokens.ts'
import { failureName, readObject, type Outbound } from './outbound.ts'

/** An issued token. */
export interface IssuedToken {
  readonly value: string
  /** Seconds. */
  readonly lifetime: number
  /** Instant after which it is not used, whatever its lifetime, in milliseconds since the epoch. */
  readonly until?: number
}

/** Known error codes (RFC 6749 §5.2, RFC 8707 §2, RFC 6750 §3.1). Any other text could contain a secret. */
const knownErrors = new Set(
  `invalid_request invalid_client invalid_grant unauthorized_client unsupported_grant_type invalid_scope invalid_target
  invalid_token access_denied server_error temporarily_unavailable slow_down`.split(/\s+/),
)
const maxTokenLength = 16_384
const assumedLifetime = 300
const maxLifetimeSeconds = 86_400

/**
 * Requests a token from a token endpoint (RFC 6749 §4.4.2, §5.1). Of the response, only the token, its lifetime and an
 * error code are kept.
 *
 * @param issuedTypes accepted values of `issued_token_type` (RFC 8693 §2.2.1); undefined if it may be missing
 * @throws TokenUnavailable with the reason as its code
 */
export async function requestToken(
  fetch: Outbound,
  tokenUrl: string,
  headers: Readonly<Record<string, string>>,
  parameters: Readonly<Record<string, string>>,
  issuedTypes?: ReadonlySet<unknown>,
): Promise<IssuedToken> {
  const { status, text } = await fetch(tokenUrl, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(parameters).toString(),
  }).catch((error: unknown) => {
    throw new TokenUnavailable(`token_endpoint_${failureName(error)}`)
  })
  const answer = readObject(text)
  const error = errorOf(answer)
  const unavailable = (code: string): TokenUnavailable => new TokenUnavailable(code, { status, error })
  if (status !== 200) throw unavailable(`token_endpoint_${status}${error === '' ? '' : `_${error}`}`)
  if (answer === undefined) throw unavailable('token_answer_no_json')
  const { access_token: value, token_type: type, expires_in: seconds } = answer
  if (issuedTypes?.has(answer['issued_token_type']) === false) throw unavailable('issued_token_type_unknown')
  if (typeof type !== 'string' || type.toLowerCase() !== 'bearer') throw unavailable('token_type_no_bearer')
  if (typeof value !== 'string' || value.length > maxTokenLength || !/^[\x21-\x7e]+$/.test(value)) {
    throw unavailable('access_token_malformed')
  }
  const lifetime = seconds === undefined || seconds === null ? assumedLifetime : Number(seconds)
  if (!(lifetime > 0)) throw unavailable('expires_in_malformed')
  return { value, lifetime: Math.min(lifetime, maxLifetimeSeconds) }
}

/**
 * Returns the error code in a response (RFC 6749 §5.2); empty if there is no known one. The description is ignored,
 * because it may contain anything.
 */
export function errorOf(answer: Readonly<Record<string, unknown>> | undefined): string {
  const error = answer?.['error']
  return typeof error === 'string' && knownErrors.has(error) ? error : ''
}
