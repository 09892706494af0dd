import type { Outbound } from './outbound.ts'

/** Metadata of an issuer (RFC 8414 §2). Only `issuer` is checked. */
export type IssuerMetadata = Readonly<Record<string, unknown>> & { readonly issuer: string }

/** An issuer has no usable metadata. */
export class MetadataUnusable extends Error {
  override readonly name = 'MetadataUnusable'
  readonly code: 'missing' | 'malformed' | 'mismatch'

  constructor(code: MetadataUnusable['code'], message: string) {
    super(message)
    this.code = code
  }
}

/** URLs in the metadata that the gateway uses, and their names in messages. */
const sought = { jwks_uri: 'keys', introspection_endpoint: 'introspection endpoint' } as const

/**
 * Finds the key set (RFC 8414 §2) or the introspection endpoint (RFC 7662) of an issuer.
 *
 * @returns the URL that the metadata names
 * @throws Error when no document is found, or it belongs to another issuer (RFC 8414 §3.3)
 */
export async function discoverUrl(
  field: keyof typeof sought,
  issuer: string,
  fetch: Outbound,
): Promise<string> {
  const { [field]: url } = await fetchMetadata(issuer, fetch)
  if (typeof url !== 'string') throw new Error(`the metadata of ${issuer} names no ${sought[field]}`)
  if (issuer.startsWith('https:') && !url.startsWith('https:')) {
    throw new Error(
      `the metadata of ${issuer} names ${sought[field]} at a place that is not reached by https`,
    )
  }
  return url
}

/**
 * Fetches the metadata of an issuer. Tries OpenID Connect discovery (§4), then RFC 8414 §3, which inserts the well-known
 * part between host and path, then the same form of OpenID Connect discovery (MCP, Authorization Server Metadata
 * Discovery).
 *
 * @throws MetadataUnusable when no document is found, or it belongs to another issuer (RFC 8414 §3.3); errors of `fetch`
 */
export async function fetchMetadata(issuer: string, fetch: Outbound): Promise<IssuerMetadata> {
  for (const url of metadataUrls(issuer)) {
    const { status, text } = await fetch(url)
    if (status !== 200) continue
    const metadata = parse(text, url)
    if (metadata?.['issuer'] === issuer) return metadata as IssuerMetadata
    throw new MetadataUnusable('mismatch', `the metadata at ${url} is that of another issuer`)
  }
  throw new MetadataUnusable('missing', `${issuer} has no metadata at any of the well-known places`)
}

function parse(text: string, url: string): Record<string, unknown> | null {
  try {
    return JSON.parse(text) as Record<string, unknown> | null
  } catch {
    throw new MetadataUnusable('malformed', `the metadata at ${url} is no JSON`)
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
