import { dispatchWithToken } from './retry.ts'
import type { Exchange } from '../exchange/exchange.ts'
import type { ResponsePlan } from '../exchange/response-plan.ts'
import { Relay } from './relay.ts'
import type { ServedProxy } from '../exchange/snapshot.ts'
import type { Streams } from '../exchange/streams.ts'
import type { UpstreamCall } from '../client/pool.ts'

/** What goes to the upstream. */
export interface UpstreamRequest {
  readonly body: Buffer | undefined
  /** Names and values, flat. */
  readonly headers: string[]
  readonly plan: ResponsePlan
}

/** Sends a request upstream and relays the answer; ends with the client. Never throws. */
export function forward(
  exchange: Exchange,
  proxy: ServedProxy,
  streams: Streams,
  { body, headers, plan }: UpstreamRequest,
): void {
  const { upstream } = proxy
  const relay = new Relay(exchange, proxy, streams, plan)
  const options: UpstreamCall = {
    path: upstream.path,
    method: plan.method,
    headers,
    body: body ?? null,
    headersTimeout: 0,
    bodyTimeout: plan.listening ? 0 : upstream.idleTimeout,
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
