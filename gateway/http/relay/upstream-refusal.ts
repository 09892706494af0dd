import type { IncomingHttpHeaders } from 'node:http'
import { errors } from 'undici'
import { Refusal } from '../../mcp/errors.ts'
import { UnreadableList } from '../../mcp/lists.ts'
import { ExchangeRefused, TokenUnavailable } from '../exchange/tokens.ts'
import { WireError } from '../client/wire-error.ts'

/**
 * What makes an upstream's answer one that must not be passed on, in words for the client.
 *
 * @param type the media type of its content
 * @param asks whether a JSON-RPC request is to be answered, rather than a notification or a response taken
 * @returns undefined where nothing is wrong
 */
export function upstreamFault(
  method: 'POST' | 'GET' | 'DELETE',
  asks: boolean,
  status: number,
  headers: IncomingHttpHeaders,
  type: string,
): string | undefined {
  const coding = headers['content-encoding']
  if (coding !== undefined && coding !== 'identity') return 'the upstream compressed its answer unasked'
  if (status === 401 || status === 407) return 'the upstream refused the credential of the gateway'
  if (status >= 300 && status < 400) return 'the upstream redirects; upstream.url must be the endpoint itself'
  if (status >= 300 || method === 'DELETE' || type === 'text/event-stream') return undefined
  if (method === 'GET') return 'the upstream answered GET with something else than a stream'
  if (!asks) return undefined
  if (status === 202 || status === 204) return 'the upstream answered a request with nothing'
  return type === 'application/json' ? undefined : 'the upstream answered with neither JSON nor a stream'
}

/** What a failure of the upstream call is to the client. */
export function upstreamRefusal(cause: Error): Refusal {
  const code = cause instanceof WireError ? cause.code : undefined
  if (
    code === 'answer_stalled' ||
    cause instanceof errors.HeadersTimeoutError ||
    cause instanceof errors.BodyTimeoutError
  ) {
    return new Refusal('upstream_timeout', 'the upstream did not answer in time', { cause })
  }
  if (
    code === 'answer_malformed' ||
    cause instanceof errors.HTTPParserError ||
    cause instanceof errors.ResponseExceededMaxSizeError
  ) {
    return new Refusal('upstream_invalid', 'the upstream sent no valid HTTP', { cause })
  }
  if (code === 'request_unfit' || cause instanceof errors.InvalidArgumentError) {
    return new Refusal('request_malformed', 'the request has a header that cannot be forwarded', { cause })
  }
  if (cause instanceof ExchangeRefused) {
    const message = 'what you presented is good here, and cannot be exchanged for a token of the upstream'
    return new Refusal('forbidden', message, { cause })
  }
  if (cause instanceof TokenUnavailable) {
    return new Refusal('upstream_unreachable', 'the gateway got no token for the upstream', { cause })
  }
  return new Refusal('upstream_unreachable', 'the upstream cannot be reached', { cause })
}

/** Returns the refusal of an answer that cannot be judged. */
export function unreadable(cause: unknown): Refusal {
  const detail = cause instanceof UnreadableList ? `: ${cause.message}` : ''
  return new Refusal('upstream_invalid', `the upstream sent an answer that cannot be read${detail}`, {
    cause,
  })
}
