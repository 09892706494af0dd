import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http'
import { hopByHop, mediaType, namedByConnection } from '../exchange/headers.ts'
import { memoize } from '../../lib/memoize.ts'

/**
 * Response headers that are not forwarded: those of the upstream's connection, its cookies, challenges and CORS headers,
 * headers that apply to the whole host, and those that a proxy in front would act on.
 */
const withheldFromClient = new Set([
  ...hopByHop,
  'accept-ch',
  'accept-ch-lifetime',
  'activate-storage-access',
  'alt-svc',
  'authentication-info',
  'cache-tag',
  'cache-tags',
  'edge-cache-tag',
  'feature-policy',
  'p3p',
  'proxy-authentication-info',
  'referrer-policy',
  'xkey',
  'cdn-cache-control',
  'clear-site-data',
  'content-disposition',
  // A response that is encoded is refused.
  'content-encoding',
  'content-location',
  'content-security-policy',
  'content-security-policy-report-only',
  'critical-ch',
  'delta-base',
  'edge-control',
  'expect-ct',
  'expect-staple',
  'im',
  'link',
  'location',
  'mcp-session-id',
  'nel',
  'no-vary-search',
  'observe-browsing-topics',
  'origin-agent-cluster',
  'origin-trial',
  'refresh',
  'report-to',
  'reporting-endpoints',
  'service-worker-allowed',
  'set-cookie',
  'set-cookie2',
  'set-login',
  'sourcemap',
  'speculation-rules',
  'strict-transport-security',
  'supports-loading-mode',
  'upgrade-insecure-requests',
  'use-as-dictionary',
  'www-authenticate',
  'x-content-type-options',
  'x-dns-prefetch-control',
  'x-frame-options',
  'x-permitted-cross-domain-policies',
  'x-reproxy-url',
  'x-sourcemap',
  'x-xss-protection',
])

const spokenForHost = [
  'access-control-',
  'attribution-reporting-',
  'available-dictionary',
  'cloudflare-cdn-',
  'cross-origin-',
  'document-',
  'expect-staple',
  'integrity-policy',
  'netlify-cdn-',
  'permissions-policy',
  'public-key-pins',
  'require-document-',
  'sec-',
  'secure-session-',
  'surrogate-',
  'vercel-cdn-',
  'x-accel-',
  'x-envoy-',
  'x-gatehouse-',
  'x-lighttpd-',
  'x-litespeed-',
  'x-middleware-',
  'x-reproxy-',
  'x-sendfile',
]

const isWithheldFromClient = memoize(
  name => withheldFromClient.has(name) || spokenForHost.some(family => name.startsWith(family)),
)

const isJson = memoize(type => /^application\/(?:[a-z0-9.-]+\+)?json$/.test(type))

/**
 * Returns the upstream's headers to forward. A body that is neither JSON nor events is sent as plain text (Fetch, nosniff)
 * in a sandbox (CSP Level 3), because a browser would show it as a page of the gateway's origin.
 *
 * @param hasBody whether a body follows
 */
export function clientHeaders(headers: IncomingHttpHeaders, hasBody: boolean): OutgoingHttpHeaders {
  const named = namedByConnection(headers.connection)
  const kept: OutgoingHttpHeaders = {}
  for (const name in headers) {
    if (isWithheldFromClient(name) || named?.has(name) === true) continue
    const value = headers[name]
    if (value !== undefined) kept[name] = value
  }
  const written = kept['content-type']
  const type = mediaType(headers['content-type'])
  if (isJson(type) || type === 'text/event-stream') {
    if (Array.isArray(written)) kept['content-type'] = type
  } else if (hasBody || written !== undefined) {
    kept['content-type'] = 'text/plain'
    kept['x-content-type-options'] = 'nosniff'
    kept['content-security-policy'] = "sandbox; default-src 'none'"
  }
  return kept
}

/** Headers about the exact bytes that the upstream sent, or about how they may be cached. */
const aboutOriginal = [
  'accept-ranges',
  'age',
  'content-digest',
  'content-md5',
  'digest',
  'etag',
  'expires',
  'last-modified',
  'repr-digest',
  'signature',
  'signature-input',
  'vary',
]

/**
 * Returns the headers of a response that was judged, and perhaps changed, for one caller.
 *
 * @param type the media type that the response was read as
 */
export function judgedHeaders(
  headers: IncomingHttpHeaders,
  type: 'application/json' | 'text/event-stream',
): OutgoingHttpHeaders {
  const kept = clientHeaders(headers, false)
  for (const name of aboutOriginal) delete kept[name]
  kept['content-type'] = type
  kept['cache-control'] =
    type === 'application/json' ? 'private, no-store' : 'private, no-store, no-transform'
  return kept
}
