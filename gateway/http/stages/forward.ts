import { ownerOf } from '../../auth/principal.ts'
import { hasModernHeader } from '../../mcp/era.ts'
import { Refusal } from '../../mcp/errors.ts'
import { callerHeaders } from '../exchange/caller.ts'
import type { AuthorizedExchange, Exchange } from '../exchange/exchange.ts'
import { nameTask } from '../exchange/handles.ts'
import { upstreamHeaders } from '../exchange/headers.ts'
import type { Upstream } from '../exchange/snapshot.ts'
import { dispatch } from '../relay/dispatch.ts'
import { listAccepted } from './admit.ts'
import type { Stage } from './stage.ts'

/** Sends the request upstream, and relays the response. */
export const forward: Stage<AuthorizedExchange> = {
  name: 'forward',
  run(exchange, { streams }) {
    const { snapshot, proxy, operation, plan, taskId, body } = exchange
    const upstream = snapshot.route(proxy, operation)
    const headers = headersFor(exchange, upstream)
    if (taskId !== undefined) nameTask(headers, taskId)
    if (plan.listening) exchange.share.becomeStream()
    exchange.forwarded = true
    forgetRequest(exchange)
    dispatch(exchange, upstream, streams, { body, headers, plan })
    return 'answered'
  },
}

/** Drops what is no longer needed: the response may be one of thousands of streams. */
function forgetRequest(exchange: Exchange): void {
  exchange.head = undefined
  exchange.body = undefined
  exchange.plan = undefined
}

/** Returns the headers to send upstream, with the upstream's own id of a legacy session. */
function headersFor(exchange: AuthorizedExchange, upstream: Upstream): string[] {
  const { head, request, principal, proxy, snapshot } = exchange
  const headers = upstreamHeaders(request.rawHeaders, head.headers.connection, upstream.headerFilter)
  listAccepted(headers, head.method, head.headers.accept)
  for (const [name, value] of upstream.headers) headers.push(name, value)
  const caller = callerHeaders(upstream.caller, principal, exchange.subject?.token)
  for (const [name, value] of caller) headers.push(name, value)
  if (head.method === 'POST') headers.push('content-type', 'application/json')
  const session = head.headers['mcp-session-id']
  if (session === undefined || exchange.era === 'modern' || hasModernHeader(head.headers)) return headers
  const upstreamId = snapshot.seals.open('session', String(session), ownerOf(principal, proxy.name))
  if (upstreamId === undefined) throw new Refusal('session_unknown', { id: exchange.requestIds[0] })
  headers.push('mcp-session-id', upstreamId)
  return headers
}
