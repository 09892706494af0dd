/** What a Bearer challenge may say; what is undefined or empty is left out. */
export interface BearerChallenge {
  /** None where no credential was sent (RFC 6750 §3.1). */
  readonly error?: 'invalid_token' | 'insufficient_scope'
  /** Words without quotation marks and backslashes. */
  readonly description?: string
  /** Separated by spaces. */
  readonly scope: string
}

/**
 * One Bearer challenge for WWW-Authenticate, in the order of the examples of MCP 2026-07-28 (authorization).
 *
 * @param metadataUrl where the resource is described (RFC 9728 §5.1); without one the proxy is named as realm
 */
export function bearerChallenge(
  proxy: string,
  metadataUrl: string | undefined,
  { error, description, scope }: BearerChallenge,
): string {
  const place = ['resource_metadata', metadataUrl] as const
  const why = ['error_description', description] as const
  const scopes = ['scope', scope] as const
  const rest = error === 'insufficient_scope' ? [scopes, place, why] : [why, place, scopes]
  const realm = ['realm', metadataUrl === undefined ? proxy : undefined] as const
  return `Bearer ${[realm, ['error', error] as const, ...rest]
    .filter(([, value]) => value !== undefined && value !== '')
    .map(([name, value]) => `${name}="${value}"`)
    .join(', ')}`
}
