import { authorize } from '../../access/authorize.ts'
import { memoize } from '../../lib/memoize.ts'
import { Refusal } from '../../mcp/errors.ts'
import type { AdmittedExchange } from '../exchange/exchange.ts'
import { mediaType } from '../exchange/headers.ts'
import { refusedOperation } from '../exchange/refused-operation.ts'
import { methodRefused } from './preflight.ts'
import type { Stage } from './stage.ts'

/**
 * Refuses principals without a grant on the proxy, and everyone if the gateway is stopping; counts the request in. This comes
 * before the body is read, so that the bytes of bodies are bounded for each principal and proxy.
 */
export const admit: Stage<AdmittedExchange> = {
  name: 'admit',
  run(exchange, { usage }) {
    const { head, proxy, principal } = exchange
    const operation = { method: '', kind: 'other', preliminary: head.method === 'POST' } as const
    const authorization = authorize(proxy.access, principal, operation)
    if (!authorization.allow) throw refusedOperation(authorization, operation, proxy.name, undefined)
    exchange.rule = authorization.rule
    if (head.method === 'HEAD') throw methodRefused()
    checkAccept(head.method, head.headers.accept)
    if (exchange.isTooLate) throw new Refusal('stopping')
    return (exchange.share = usage.enter(proxy.name, principal))
  },
}

const postTypes = ['application/json', 'text/event-stream']
const getTypes = ['text/event-stream']

/** What an Accept header says about the types that MCP uses. */
interface Acceptance {
  readonly acceptsOne: boolean
  /** Whether it accepts all of them without listing them. */
  readonly isImplicit: boolean
}

const ofPost = memoize(accept => read(accept, postTypes))
const ofGet = memoize(accept => read(accept, getTypes))

function read(accept: string, types: readonly string[]): Acceptance {
  const ranges = new Set(accept.split(',').map(mediaType))
  const isAccepted = (type: string): boolean =>
    ranges.has(type) || ranges.has('*/*') || ranges.has(`${type.split('/', 1)[0]}/*`)
  return {
    acceptsOne: types.some(isAccepted),
    isImplicit: types.every(isAccepted) && !types.every(type => ranges.has(type)),
  }
}

/**
 * Checks the Accept header (MCP, Streamable HTTP); the upstream checks it in detail.
 *
 * @throws Refusal `not_acceptable`
 */
function checkAccept(method: string, accept: string | undefined): void {
  if (accept === undefined || method === 'DELETE') return
  const isGet = method === 'GET'
  if ((isGet ? ofGet(accept) : ofPost(accept)).acceptsOne) return
  throw new Refusal('not_acceptable', { values: { types: (isGet ? getTypes : postTypes).join(' and ') } })
}

/**
 * Lists the types of MCP in the Accept header for the upstream if the client accepts them without listing them, because
 * servers refuse a request that does not list them.
 *
 * @param headers names and values, flat
 */
export function listAccepted(headers: string[], method: string, accept: string | undefined): void {
  const isGet = method === 'GET'
  if (method === 'DELETE') return
  if (accept !== undefined && !(isGet ? ofGet(accept) : ofPost(accept)).isImplicit) return
  const listed = (isGet ? getTypes : postTypes).join(', ')
  if (accept === undefined) headers.push('accept', listed)
  for (let index = 0; index < headers.length; index += 2)
    if (headers[index]!.toLowerCase() === 'accept') headers[index + 1] = listed
}
