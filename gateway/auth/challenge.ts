/** What a Bearer challenge may say; what is undefined or empty is left out. */
export interface BearerChallenge {
  /** None where no credential was sent (RFC 6750 §3.1). */
  readonly error?: 'invalid_token' | 'insufficient_scope'
  /** Words without quotation marks and backslashes. */
  readonly description?: string
  /** Separated by spaces. */
  readonly scope: string
  /** Where the credential stands instead of in Authorization. */
  readonly parameters?: Parameters
}

/** The parameters of a challenge, in their order; values without quotation marks and backslashes. */
type Parameters = Readonly<Record<string, string | undefined>>

/** One challenge for WWW-Authenticate (RFC 9110 §11.6.1); parameters that are undefined or empty are left out. */
export function challenge(scheme: string, parameters: Parameters): string {
  return `${scheme} ${Object.entries(parameters)
    .filter(([, value]) => value !== undefined && value !== '')
    .map(([name, value]) => `${name}="${value}"`)
    .join(', ')}`
}

/**
 * One Bearer challenge for WWW-Authenticate, in the order of the examples of MCP 2026-07-28 (authorization).
 *
 * @param metadataUrl where the resource is described (RFC 9728 §5.1), which is all that a client needs to come with a
 *   token; without one the proxy is named as realm, with where the credential stands
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
