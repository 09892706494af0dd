import type { IncomingHttpHeaders } from 'node:http'

const allowed = [
  'authorization',
  'content-type',
  'accept',
  'mcp-protocol-version',
  'mcp-method',
  'mcp-name',
  'mcp-session-id',
  'last-event-id',
  // Trace Context and Baggage (W3C), which instrumented pages send.
  'traceparent',
  'tracestate',
  'baggage',
]

/** Returns the headers that let an allowed origin read a response; none for a request without Origin. */
export function corsHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  if (headers.origin === undefined) return {}
  return {
    'access-control-allow-origin': headers.origin,
    'access-control-expose-headers': 'mcp-session-id, www-authenticate, retry-after',
    vary: 'Origin',
  }
}

/**
 * Returns the headers of the response to a CORS preflight (Fetch, CORS protocol), which browsers send without credentials.
 *
 * @param more lower-case names of further headers: those that carry the proxy's credentials, and `listen.allowedHeaders`
 */
export function preflightHeaders(
  headers: IncomingHttpHeaders,
  more: readonly string[],
): Record<string, string> {
  // The protocol has no wildcard for a prefix, so the requested Mcp-Param-* headers are echoed.
  const asked = (headers['access-control-request-headers'] ?? '').toLowerCase().split(',')
  const parameters = asked
    .map(name => name.trim())
    .filter(name => /^mcp-param-[a-z0-9!#$%&'*+.^_`|~-]{1,128}$/.test(name))
  return {
    ...corsHeaders(headers),
    'access-control-allow-methods': 'POST, GET, DELETE',
    'access-control-allow-headers': [...new Set([...allowed, ...more, ...parameters])].join(', '),
    'access-control-max-age': '600',
    vary: 'Origin, Access-Control-Request-Headers',
  }
}
