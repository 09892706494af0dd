import { readClaims, type Claims } from '../auth/jws.ts'
import type { ClientAuthentication } from './client-authentication.ts'
import { failureName, type Outbound } from './outbound.ts'
import { errorOf } from './token-endpoint.ts'

/** Answer of an issuer about a token; without claims when the token is not active. */
export interface IntrospectionAnswer {
  readonly claims: Claims | undefined
  /** Length of the answer in characters. */
  readonly length: number
}

/** An issuer did not say whether a token is active. Neither code nor cause ever holds a secret. */
export class IntrospectionFailed extends Error {
  override readonly name = 'IntrospectionFailed'
  /** Reason in one word, for the log. */
  readonly code: string
  /** Cause: the network, the gateway's own credential, or anything else. */
  readonly kind: 'unreachable' | 'unauthorized' | 'failed'

  constructor(code: string, kind: IntrospectionFailed['kind'], cause?: unknown) {
    super(`the issuer did not say whether the token is active: ${code}`, { cause })
    this.code = code
    this.kind = kind
  }
}

/**
 * Asks an introspection endpoint about a token (RFC 7662 §2.1).
 *
 * @throws IntrospectionFailed unless the answer says whether the token is active (§2.2)
 */
export async function requestIntrospection(
  fetch: Outbound,
  url: string,
  token: string,
  client: ClientAuthentication,
): Promise<IntrospectionAnswer> {
  const parameters = { token, token_type_hint: 'access_token', ...client.parameters }
  const { status, text } = await fetch(url, {
    method: 'POST',
    headers: { ...client.headers, 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(parameters).toString(),
  }).catch((error: unknown) => {
    throw new IntrospectionFailed(`introspection_${failureName(error)}`, 'unreachable')
  })
  if (status !== 200) {
    const error = errorOf(readClaims(text, false))
    const unauthorized = status === 401 || status === 403 || error === 'invalid_client'
    const code = `introspection_${status}${error === '' ? '' : `_${error}`}`
    throw new IntrospectionFailed(code, unauthorized ? 'unauthorized' : 'failed')
  }
  const claims = readClaims(text, true)
  if (typeof claims?.['active'] !== 'boolean')
    throw new IntrospectionFailed('introspection_answer_malformed', 'failed')
  return { claims: claims['active'] ? claims : undefined, length: text.length }
}
