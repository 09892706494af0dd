/** The parts of a Bearer challenge. Undefined and empty ones are left out. */
export interface BearerChallenge {
  /** Undefined if the request had no credential (RFC 6750 §3.1). */
  readonly error?: 'invalid_token' | 'insufficient_scope'
  /** Text without quotation marks and backslashes. */
  readonly description?: string
  /** Scopes, separated by spaces. */
  readonly scope: string
  /** The place of the credential, if it is not in Authorization. */
  readonly parameters?: Parameters
}

/** The parameters of a challenge, in order. Values have no quotation marks and backslashes. */
type Parameters = Readonly<Record<string, string | undefined>>

/** Returns a challenge for WWW-Authenticate (RFC 9110 §11.6.1). Undefined and empty parameters are left out. */
export function challenge(scheme: string, parameters: Parameters): string {
  return `${scheme} ${Object.entries(parameters)
    .filter(([, value]) => value !== undefined && value !== '')
    .map(([name, value]) => `${name}="${value}"`)
    .join(', ')}`
}

/**
 * Returns a Bearer challenge for WWW-Authenticate. Parameters are in the order of the examples in MCP 2026-07-28
 * (authorization).
 *
 * @param metadataUrl of the protected resource (RFC 9728 §5.1): all that a client needs to get a token. Without it, the
 *   challenge has the proxy as its realm, and the place of the credential
 */
export function bearerChallenge(
  proxy: string,
  metadataUrl: string | undefined,
  { error, description, scope, parameters }: BearerChallenge,
): string {
  const about = metadataUrl === undefined ? { realm: proxy, ...parameters } : {}
  const place = { resource_metadata: metadataUrl }
  const why = { error_description: description }
  const rest = error === 'insufficient_scope' ? { scope, ...place, ...why } : { ...why, ...place, scope }
  return challenge('Bearer', { ...about, error, ...rest })
}
