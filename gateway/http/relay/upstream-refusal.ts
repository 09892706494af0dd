import type { IncomingHttpHeaders } from 'node:http'
import { errors } from 'undici'
import { Refusal } from '../../mcp/errors.ts'
import type { Detail } from '../../mcp/refusal-table.ts'
import { UnreadableList } from '../../mcp/lists.ts'
import { ExchangeRefused, TokenUnavailable } from '../exchange/tokens.ts'
import { WireError } from '../client/wire-error.ts'

/**
 * Returns why an upstream's response must not be passed on, as the detail of a refusal.
 *
 * @param type the media type of its content
 * @param asks whether the client sent a JSON-RPC request, which needs a response
 * @returns undefined if nothing is wrong
 */
export function upstreamFault(
  method: 'POST' | 'GET' | 'DELETE',
  asks: boolean,
  status: number,
  headers: IncomingHttpHeaders,
  type: string,
): Detail | undefined {
  const coding = headers['content-encoding']
  if (coding !== undefined && coding !== 'identity') return 'upstream_compressed'
  if (status === 401 || status === 407) return 'upstream_unauthorized'
  if (status >= 300 && status < 400) return 'upstream_redirect'
  if (status >= 300 || method === 'DELETE' || type === 'text/event-stream') return undefined
  if (method === 'GET') return 'upstream_no_stream'
  if (!asks) return undefined
  if (status === 202 || status === 204) return 'upstream_empty'
  return type === 'application/json' ? undefined : 'upstream_content_type'
}

/** Returns the refusal for a failed upstream call. */
export function upstreamRefusal(cause: Error): Refusal {
  const code = cause instanceof WireError ? cause.code : undefined
  if (code === 'answer_stalled' || cause instanceof errors.BodyTimeoutError) {
    return new Refusal('timeout_idle', { cause })
  }
  if (code === 'connect_timeout' || cause instanceof errors.ConnectTimeoutError) {
    return new Refusal('timeout_connect', { cause })
  }
  if (
    code === 'answer_malformed' ||
    cause instanceof errors.HTTPParserError ||
    cause instanceof errors.ResponseExceededMaxSizeError
  ) {
    return new Refusal('upstream_http', { cause })
  }
  if (code === 'request_unfit' || cause instanceof errors.InvalidArgumentError) {
    return new Refusal('header_unfit', { cause })
  }
  if (cause instanceof ExchangeRefused) {
    return new Refusal('token_not_exchanged', { cause })
  }
  if (cause instanceof TokenUnavailable) {
    return new Refusal('upstream_token', { cause })
  }
  return new Refusal('upstream_unreachable', { cause })
}

/** Returns the refusal for a response that cannot be judged. */
export function unreadable(cause: unknown): Refusal {
  const why = cause instanceof UnreadableList ? `: ${cause.message}` : ''
  return new Refusal('upstream_unreadable', { values: { why }, cause })
}
