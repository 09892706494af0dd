import { memoize } from '../../lib/memoize.ts'
import { Refusal } from '../../mcp/errors.ts'
import { checkSize } from '../exchange/body.ts'
import type { AdmittedExchange } from '../exchange/exchange.ts'
import type { Stage } from './stage.ts'

/** Strict, because two parsers may find different charsets in other forms. */
const isJsonInUtf8 = memoize(type => /^application\/json(?:\s*;\s*charset="?utf-8"?)?\s*$/i.test(type))

/** Reads the body of a POST, in time and up to the proxy's `maxBody`. */
export const readBody: Stage<AdmittedExchange> = {
  name: 'readBody',
  run(exchange) {
    const { head, proxy, request, share, body } = exchange
    if (head.method !== 'POST') return undefined
    if (body !== undefined) {
      // The exchange has started over, and the body was read before.
      checkSize(body, proxy.maxBody)
      if (!share.addBody(body.length)) throw new Refusal('bodies_held')
      return undefined
    }
    const coding = head.headers['content-encoding']
    if (!isJsonInUtf8(head.headers['content-type'] ?? '')) throw new Refusal('content_type')
    if (coding !== undefined && coding.toLowerCase() !== 'identity') throw new Refusal('content_encoding')
    return request.readBody(proxy.maxBody, share).then(read => {
      exchange.body = read
      return undefined
    })
  },
}
