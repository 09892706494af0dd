import { dispatchWithToken } from './retry.ts'
import type { Exchange } from '../exchange/exchange.ts'
import type { Expectation } from '../exchange/response-plan.ts'
import { Relay } from './relay.ts'
import type { ServedProxy } from '../exchange/snapshot.ts'
import type { Streams } from '../exchange/streams.ts'
import type { UpstreamCall } from '../client/pool.ts'

/** What goes to the upstream. */
export interface UpstreamRequest {
  readonly body: Buffer | undefined
  /** Names and values, flat. */
  readonly headers: string[]
  readonly expectation: Expectation
}

/** Sends a request upstream and relays the answer; ends with the client. Never throws. */
export function forward(
  exchange: Exchange,
  proxy: ServedProxy,
  streams: Streams,
  { body, headers, expectation }: UpstreamRequest,
): void {
  const { upstream } = proxy
  const relay = new Relay(exchange, proxy, streams, expectation)
  const options: UpstreamCall = {
    path: upstream.path,
    method: expectation.method,
    headers,
    body: body ?? null,
    headersTimeout: 0,
    bodyTimeout: expectation.listening ? 0 : upstream.idleTimeout,
  }
  if (upstream.tokens !== undefined) {
    void dispatchWithToken(upstream.dispatcher, options, relay, upstream.tokens, exchange.subject)
    return
  }
  try {
    upstream.dispatcher.dispatch(options, relay)
  } catch (error) {
    relay.onResponseError(undefined, error as Error)
  }
}
