import type { Outbound } from './outbound.ts'

/** What an issuer says of itself (RFC 8414 §2); everything but the issuer is unread. */
export type IssuerMetadata = Readonly<Record<string, unknown>> & { readonly issuer: string }

/** An issuer has no metadata that could be used. */
export class MetadataUnusable extends Error {
  override readonly name = 'MetadataUnusable'
  readonly code: 'missing' | 'malformed' | 'mismatch'

  constructor(code: MetadataUnusable['code'], message: string) {
    super(message)
    this.code = code
  }
}

/** What of it leads somewhere, and how messages call it. */
const sought = { jwks_uri: 'keys', introspection_endpoint: 'introspection endpoint' } as const

/**
 * Finds out where an issuer keeps its keys (RFC 8414 §2), or answers about tokens (RFC 7662).
 *
 * @returns the URL that the metadata names
 * @throws Error where no document is found, or it is not of this very issuer (RFC 8414 §3.3)
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
 * Fetches the metadata of an issuer: by OpenID Connect discovery (§4), by RFC 8414 §3, whose well-known part stands
 * between host and path, and by the same form of the former (MCP, Authorization Server Metadata Discovery).
 *
 * @throws MetadataUnusable where no document is found, or it is not of this very issuer (RFC 8414 §3.3); and as `fetch`
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
