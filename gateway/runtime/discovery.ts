import type { Outbound } from './outbound.ts'

/**
 * Finds out where an issuer keeps its keys: by OpenID Connect discovery (§4), by RFC 8414 §3, whose well-known part
 * stands between host and path, and by the same form of the former (MCP, Authorization Server Metadata Discovery).
 *
 * @returns the URL of the key set
 * @throws Error where no document is found, or it is not of this very issuer (RFC 8414 §3.3)
 */
export async function discoverKeys(issuer: string, fetch: Outbound): Promise<string> {
  for (const url of metadataUrls(issuer)) {
    const { status, text } = await fetch(url)
    if (status !== 200) continue
    const metadata = parse(text, url)
    if (metadata?.issuer !== issuer) throw new Error(`the metadata at ${url} is that of another issuer`)
    const { jwks_uri: keys } = metadata
    if (typeof keys !== 'string') throw new Error(`the metadata at ${url} names no keys`)
    if (issuer.startsWith('https:') && !keys.startsWith('https:')) {
      throw new Error(`the metadata at ${url} names keys that are not reached by https`)
    }
    return keys
  }
  throw new Error(`${issuer} has no metadata at any of the well-known places`)
}

function parse(text: string, url: string): { issuer?: unknown; jwks_uri?: unknown } | null {
  try {
    return JSON.parse(text) as { issuer?: unknown; jwks_uri?: unknown } | null
  } catch {
    throw new Error(`the metadata at ${url} is no JSON`)
  }
}

function metadataUrls(issuer: string): string[] {
  const { origin, pathname } = new URL(issuer)
  const path = pathname.replace(/\/$/, '')
  const urls = [
    `${origin}${path}/.well-known/openid-configuration`,
    `${origin}/.well-known/oauth-authorization-server${path}`,
    `${origin}/.well-known/openid-configuration${path}`,
  ]
  return [...new Set(urls)]
}
