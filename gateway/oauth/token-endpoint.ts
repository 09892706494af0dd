import { TokenUnavailable } from '../http/exchange/tokens.ts'
import { failureName, readObject, type Outbound } from './outbound.ts'

/** A token as it was issued. */
export interface IssuedToken {
  readonly value: string
  /** Seconds. */
  readonly lifetime: number
  /** The instant from which it is not used whatever its lifetime, in milliseconds since the epoch; absent for none. */
  readonly until?: number
}

/** RFC 6749 §5.2, RFC 8707 §2, RFC 6750 §3.1. Anything else could be anything. */
const knownErrors = new Set(
  `invalid_request invalid_client invalid_grant unauthorized_client unsupported_grant_type invalid_scope invalid_target
  invalid_token access_denied server_error temporarily_unavailable slow_down`.split(/\s+/),
)
const maxTokenLength = 16_384
const assumedLifetime = 300
const maxLifetimeSeconds = 86_400

/**
 * Asks a token endpoint for a token (RFC 6749 §4.4.2, §5.1). Nothing of the answer but the token, its lifetime and the
 * name of an error is ever kept.
 *
 * @param issuedTypes what the answer may say that the token is (RFC 8693 §2.2.1); undefined where it need not say it
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
 * The error code in an answer (RFC 6749 §5.2); empty where there is none that is known. Its description may hold
 * anything, and so is left unread.
 */
export function errorOf(answer: Readonly<Record<string, unknown>> | undefined): string {
  const error = answer?.['error']
  return typeof error === 'string' && knownErrors.has(error) ? error : ''
}
