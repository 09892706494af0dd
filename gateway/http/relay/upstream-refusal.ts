import type { IncomingHttpHeaders } from 'node:http'
import { errors } from 'undici'
import { Refusal } from '../../mcp/errors.ts'
import type { Detail } from '../../mcp/refusal-table.ts'
import { UnreadableList } from '../../mcp/lists.ts'
import type { Operation } from '../../mcp/operation.ts'
import type { Exchange } from '../exchange/exchange.ts'
import { ExchangeRefused, TokenUnavailable } from '../exchange/tokens.ts'

/**
 * Returns why an upstream's response must not be passed on, as the detail of a refusal.
 *
 * @param request the ids of the JSON-RPC requests that need a response, and the first operation
 * @param type the media type of the response's content
 * @returns undefined if nothing is wrong
 */
export function upstreamFault(
  method: 'POST' | 'GET' | 'DELETE',
  { requestIds, operation }: Pick<Exchange, 'requestIds' | 'operation'>,
  status: number,
  headers: IncomingHttpHeaders,
  type: string,
): Detail | undefined {
  const coding = headers['content-encoding']
  if (coding !== undefined && isCompressed(String(coding))) return 'upstream_compressed'
  if (status >= 300) return errorFault(operation, status, headers, type)
  if (method === 'DELETE' || type === 'text/event-stream') return undefined
  if (method === 'GET') return 'upstream_no_stream'
  if (requestIds.length === 0) return undefined
  if (status === 202 || status === 204) return 'upstream_empty'
  return type === 'application/json' ? undefined : 'upstream_content_type'
}

/** Returns why an error of an upstream must not be passed on. */
function errorFault(
  operation: Operation | undefined,
  status: number,
  headers: IncomingHttpHeaders,
  type: string,
): Detail | undefined {
  if (status === 401) return 'upstream_unauthorized'
  if (status === 407) return 'proxy_unauthorized'
  if (status < 400) return 'upstream_redirect'
  const opensSession = operation?.method === 'initialize'
  return opensSession && takesNoPost(status, headers, type) ? 'upstream_transport' : undefined
}

/** Values of Content-Encoding that are not a coding (RFC 9110 §8.4.1), as some servers send them. */
const notCodings = new Set(['', 'identity', 'none', 'utf-8', 'utf8'])

function isCompressed(codings: string): boolean {
  return codings.split(',').some(coding => !notCodings.has(coding.trim().toLowerCase()))
}

/**
 * Returns whether an upstream's response to `initialize` shows that its endpoint takes no POST: it has the transport HTTP+SSE
 * (MCP 2024-11-05), or is no endpoint at all. An error of a Streamable HTTP server is JSON.
 */
function takesNoPost(status: number, { allow }: IncomingHttpHeaders, type: string): boolean {
  if (status !== 404 && status !== 405) return false
  return type !== 'application/json' || (status === 405 && allow !== undefined && !/\bPOST\b/i.test(allow))
}

/** Returns whether a stream begins as that of HTTP+SSE does: with an event of the type `endpoint` (MCP 2024-11-05). */
export function beginsWithEndpoint(chunk: Buffer): boolean {
  const lines = chunk.toString('utf8', 0, 256).split(/[\r\n]/)
  return /^\ufeff?event: ?endpoint$/.test(lines.find(line => line !== '' && !line.startsWith(':')) ?? '')
}

/** Details by the code of the error of a call: of our own client, of undici, and of a forward proxy. */
const detailsByCode: Readonly<Record<string, Detail>> = {
  answer_stalled: 'timeout_idle',
  UND_ERR_BODY_TIMEOUT: 'timeout_idle',
  connect_timeout: 'timeout_connect',
  UND_ERR_CONNECT_TIMEOUT: 'timeout_connect',
  answer_head_too_large: 'upstream_headers',
  UND_ERR_HEADERS_OVERFLOW: 'upstream_headers',
  answer_malformed: 'upstream_http',
  UND_ERR_RES_EXCEEDED_MAX_SIZE: 'upstream_http',
  request_unfit: 'header_unfit',
  UND_ERR_INVALID_ARG: 'header_unfit',
  proxy_unreachable: 'proxy_failed',
  proxy_timeout: 'proxy_failed',
  proxy_refused: 'proxy_refused',
}

/** Returns the refusal for a failed upstream call. */
export function upstreamRefusal(cause: Error): Refusal {
  if (cause instanceof ExchangeRefused) return new Refusal('token_not_exchanged', { cause })
  if (cause instanceof TokenUnavailable) return new Refusal('upstream_token', { cause })
  if (cause instanceof errors.HTTPParserError) return new Refusal('upstream_http', { cause })
  const { code, status = 0 } = cause as { code?: unknown; status?: number }
  const detail = typeof code === 'string' ? detailsByCode[code] : undefined
  return new Refusal(detail ?? 'upstream_unreachable', { values: { status }, cause })
}

/** Returns the refusal for a response that cannot be judged. */
export function unreadable(cause: unknown): Refusal {
  if (cause instanceof Refusal) return cause
  const why = cause instanceof UnreadableList ? `: ${cause.message}` : ''
  return new Refusal('upstream_unreadable', { values: { why }, cause })
}
