/** The metadata that tells clients how to get a token for a proxy (RFC 9728). */
export interface ProtectedResource {
  /** The path of the document on this gateway. */
  readonly metadataPath: string
  readonly metadataUrl: string
  /** The document, as JSON text. */
  readonly document: string
}

const wellKnown = '/.well-known/oauth-protected-resource'
/** Endpoints that clients assume at the root of a server without metadata (MCP 2025-03-26, authorization, §2.3.3). */
const assumedEndpoints = new Set(['/authorize', '/token', '/register'])
/** Metadata of any kind, before or after the path of a proxy (RFC 8414 §3.1, RFC 9728 §3, OpenID Connect Discovery §4). */
const metadata = ['/.well-known/oauth-', '/.well-known/openid-configuration']

/**
 * Returns whether a client that asks for this path wants to log in. Most do so when their key was refused, although no proxy
 * told them to.
 */
export function isOauthEndpoint(path: string): boolean {
  return assumedEndpoints.has(path) || metadata.some(part => path.includes(part))
}

/**
 * Describes a proxy as an OAuth protected resource. The well-known part of its metadata URL comes between host and path (RFC
 * 9728 §3). Empty lists are left out (§3.2).
 *
 * @param publicUrl scheme, host and port that clients type
 * @param path of the proxy
 * @param issuers of tokens for the proxy; at least one (MCP 2026-07-28, authorization server discovery)
 * @param scopes that every token needs
 * @param name for people to read
 */
export function describeResource(
  publicUrl: string,
  path: string,
  issuers: readonly string[],
  scopes: readonly string[],
  name: string | undefined,
): ProtectedResource {
  const metadataPath = path === '/' ? wellKnown : wellKnown + path
  const document = JSON.stringify({
    resource: publicUrl + path,
    authorization_servers: issuers,
    ...(scopes.length > 0 && { scopes_supported: scopes }),
    bearer_methods_supported: ['header'],
    ...(name !== undefined && name !== '' && { resource_name: name }),
  })
  return { metadataPath, metadataUrl: publicUrl + metadataPath, document }
}
