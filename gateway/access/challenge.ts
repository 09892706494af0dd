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
  const place: readonly [string, string | undefined] =
    metadataUrl === undefined ? ['realm', proxy] : ['resource_metadata', metadataUrl]
  const why = ['error_description', description] as const
  const parameters =
    error === 'insufficient_scope'
      ? [['error', error] as const, ['scope', scope] as const, place, why]
      : [['error', error] as const, why, place, ['scope', scope] as const]
  const written = parameters.filter(([, value]) => value !== undefined && value !== '')
  return `Bearer ${written.map(([name, value]) => `${name}="${value}"`).join(', ')}`
}
