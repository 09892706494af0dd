import { requestIdIn } from '../../mcp/id-scanner.ts'
import type { Refusal } from '../../mcp/errors.ts'
import { rowOf } from '../../mcp/refusal-table.ts'
import type { Exchange } from '../exchange/exchange.ts'

/** Largest number of bytes beyond `maxBody` that are read for an id. */
const maxExcess = 16 * 1024 * 1024

/**
 * Returns whether the id of a refused request may be in a body whose messages were not read. Only a caller who was authenticated
 * gets the gateway to read on.
 */
export function mayHaveId(exchange: Exchange, { id, reason }: Refusal): boolean {
  const { head, principal, isRead, response } = exchange
  const isUnread = head?.method === 'POST' && !isRead && !response.headersSent
  return isUnread && principal !== undefined && id === undefined && rowOf(reason).withoutId !== true
}

/** Reads the rest of the body for the id of the request. Then the error can bear it. */
export async function readId(exchange: Exchange): Promise<void> {
  const { request, proxy, share, body } = exchange
  const id = body === undefined ? await request.scanForId(proxy!.maxBody + maxExcess) : requestIdIn(body)
  share?.releaseBody()
  if (id !== undefined) exchange.requestIds.push(id)
}
