import type { AdmittedExchange } from '../exchange/exchange.ts'
import type { ResponsePlan } from '../exchange/response-plan.ts'
import type { ForwardedCall, Upstream } from '../exchange/snapshot.ts'
import type { Streams } from '../exchange/streams.ts'
import { Relay } from './relay.ts'

/** A request to the upstream. */
export interface UpstreamRequest {
  readonly body: Buffer | undefined
  /** Names and values, flat. */
  readonly headers: string[]
  readonly plan: ResponsePlan
}

/** Sends a request upstream and relays the response. If the client leaves, the call is aborted. Never throws. */
export function dispatch(
  exchange: AdmittedExchange,
  upstream: Upstream,
  streams: Streams,
  { body, headers, plan }: UpstreamRequest,
): void {
  const relay = new Relay(exchange, upstream, streams, plan)
  const call: ForwardedCall = {
    path: upstream.path,
    method: plan.method,
    headers,
    body: body ?? null,
    headersTimeout: 0,
    bodyTimeout: plan.listening ? 0 : upstream.idleTimeout,
    subject: exchange.subject,
  }
  try {
    upstream.client.dispatch(call, relay)
  } catch (error) {
    relay.onResponseError(undefined, error as Error)
  }
}
