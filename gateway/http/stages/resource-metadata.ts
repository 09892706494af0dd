import type { RequestHead } from '../../auth/request-head.ts'
import type { ProtectedResource } from '../../auth/resource.ts'
import { Refusal } from '../../mcp/errors.ts'
import { reply, type Exchange } from '../exchange/exchange.ts'
import type { ServedProxy } from '../exchange/snapshot.ts'

const methods = 'GET, HEAD, OPTIONS'
const maxAge = 'max-age=300'

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
  const everyone = { 'access-control-allow-origin': '*' }
  if (head.method === 'OPTIONS') {
    reply(exchange, 204, {
      ...everyone,
      allow: methods,
      'access-control-allow-methods': methods,
      'access-control-allow-headers': '*',
      'access-control-max-age': '600',
    })
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
