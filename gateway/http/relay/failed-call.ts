import type { IncomingHttpHeaders } from 'node:http'
import { Refusal } from '../../mcp/errors.ts'
import type { Exchange } from '../exchange/exchange.ts'

/** Statuses of an upstream that are about one call, besides those of its own failures. */
const aboutCall: ReadonlySet<number> = new Set([408, 413, 429])

/**
 * Returns whether an upstream's status says that one call failed, or one notification, in the legacy era. Clients would take it
 * for the end of the session, so it does not pass. Other errors, such as 400 and 404, may be about the session, and pass.
 */
export function isFailedCall({ era, isRead }: Pick<Exchange, 'era' | 'isRead'>, status: number): boolean {
  return status >= 400 && era === 'legacy' && isRead && (status >= 500 || aboutCall.has(status))
}

/** Returns the refusal in place of an upstream's failure that clients could not read. */
export function failedCall(status: number, { 'retry-after': retryAfter }: IncomingHttpHeaders): Refusal {
  const headers = retryAfter === undefined ? undefined : { 'retry-after': retryAfter }
  return new Refusal('upstream_failed', { values: { status }, headers })
}

/**
 * Returns the status to send with a body of the upstream: 200 with the JSON-RPC error of a call that failed.
 *
 * @throws Refusal `upstream_invalid` if the call failed and the body does not say so
 */
export function statusToSend(
  exchange: Pick<Exchange, 'era' | 'isRead' | 'requestIds'>,
  status: number,
  headers: IncomingHttpHeaders,
  body: Buffer,
): number {
  if (!isFailedCall(exchange, status)) return status
  if (isErrorOf(body, exchange.requestIds)) return 200
  throw failedCall(status, headers)
}

/** Returns whether a body has an error for each of these requests, and nothing else. */
function isErrorOf(body: Buffer, requestIds: readonly string[]): boolean {
  try {
    const ids = requestIds.map(id => JSON.parse(id) as unknown)
    const messages = [JSON.parse(body.toString('utf8'))].flat() as { id?: unknown; error?: unknown }[]
    return (
      messages.length === ids.length && messages.every(({ id, error }) => ids.includes(id) && isError(error))
    )
  } catch {
    return false
  }
}

function isError(error: unknown): boolean {
  return typeof error === 'object' && error !== null
}
