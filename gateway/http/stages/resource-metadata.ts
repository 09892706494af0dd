import type { RequestHead } from '../../auth/request-head.ts'
import type { ProtectedResource } from '../../auth/resource.ts'
import { Refusal } from '../../mcp/errors.ts'
import { reply, type Exchange } from '../exchange/exchange.ts'
import type { ServedProxy } from '../exchange/snapshot.ts'

const methods = 'GET, HEAD, OPTIONS'
const maxAge = 'max-age=300'
const everyone = { 'access-control-allow-origin': '*' }

/**
 * Sends the metadata of a proxy (RFC 9728 §3.2). Everyone and every web page may read it, because it holds no secret. The
 * Host is checked as for any request.
 *
 * @throws Refusal `host_refused`, `method_not_allowed`
 */
export function serveMetadata(
  exchange: Exchange,
  head: RequestHead,
  proxy: ServedProxy,
  { document }: ProtectedResource,
): void {
  proxy.checkHead({ ...head, headers: { ...head.headers, origin: undefined } })
  if (head.method === 'OPTIONS') {
    allow(exchange, methods)
    return
  }
  if (head.method !== 'GET' && head.method !== 'HEAD') {
    throw new Refusal('metadata_method', {
      values: { methods },
      headers: { ...everyone, allow: methods },
    })
  }
  const headers = { ...everyone, 'content-type': 'application/json', 'cache-control': maxAge }
  reply(exchange, 200, headers, document)
}

/**
 * Refuses a client that wants to log in where no OAuth is offered. Every web page may read why, so that a client in a browser
 * does not report a failure of the network instead.
 *
 * @throws Refusal `path_unknown`
 */
export function refuseLogin(exchange: Exchange, { method }: RequestHead): void {
  if (method !== 'OPTIONS') throw new Refusal('oauth_not_offered', { headers: everyone })
  allow(exchange, 'GET, HEAD, POST, OPTIONS')
}

function allow(exchange: Exchange, allowed: string): void {
  reply(exchange, 204, {
    ...everyone,
    allow: allowed,
    'access-control-allow-methods': allowed,
    'access-control-allow-headers': '*',
    'access-control-max-age': '600',
  })
}
