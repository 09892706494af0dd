import { authorize } from '../../access/authorize.ts'
import { memoize } from '../../lib/memoize.ts'
import { Refusal } from '../../mcp/errors.ts'
import type { AdmittedExchange } from '../exchange/exchange.ts'
import { mediaType } from '../exchange/headers.ts'
import { refusedOperation } from '../exchange/refused-operation.ts'
import type { Stage } from './stage.ts'

/**
 * Refuses principals without a grant on the proxy, and everyone if the gateway is stopping; counts the request in. This comes before the body is read, so that the
 * bytes of bodies are bounded for each principal and proxy.
 */
export const admit: Stage<AdmittedExchange> = {
  name: 'admit',
  run(exchange, { usage }) {
    const { head, proxy, principal } = exchange
    const operation = { method: '', kind: 'other', preliminary: head.method === 'POST' } as const
    const authorization = authorize(proxy.access, principal, operation)
    if (!authorization.allow) throw refusedOperation(authorization, operation, proxy.name, undefined)
    exchange.rule = authorization.rule
    checkAccept(head.method, head.headers.accept)
    if (exchange.isTooLate) throw new Refusal('stopping')
    return (exchange.share = usage.enter(proxy.name, principal))
  },
}

const usableByPost = ['application/json', 'text/event-stream']
const usableByGet = ['text/event-stream']
const isAcceptedByPost = acceptsOneOf(['*/*', ...usableByPost, 'application/*', 'text/*'])
const isAcceptedByGet = acceptsOneOf(['*/*', ...usableByGet, 'text/*'])

function acceptsOneOf(types: readonly string[]): (accept: string) => boolean {
  return memoize(accept => accept.split(',').some(type => types.includes(mediaType(type))))
}

/** Checks the Accept header (MCP, Streamable HTTP); the upstream checks it in detail. */
function checkAccept(method: string, accept: string | undefined): void {
  if (accept === undefined || method === 'DELETE') return
  if (method === 'GET' ? isAcceptedByGet(accept) : isAcceptedByPost(accept)) return
  const types = (method === 'GET' ? usableByGet : usableByPost).join(' and ')
  throw new Refusal('not_acceptable', { values: { types } })
}
