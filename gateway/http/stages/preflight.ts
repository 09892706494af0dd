import { Refusal } from '../../mcp/errors.ts'
import { preflightHeaders } from '../exchange/cors.ts'
import { reply, type RoutedExchange } from '../exchange/exchange.ts'
import type { Stage } from './stage.ts'

/** The methods that an endpoint takes, as the header Allow lists them. */
export const methods = 'POST, GET, DELETE, OPTIONS'

/** Answers CORS preflights, which carry no credential; refuses methods that MCP does not use. */
export const preflight: Stage<RoutedExchange> = {
  name: 'preflight',
  run(exchange) {
    const { head, proxy } = exchange
    const { method, headers } = head
    if (method === 'POST' || method === 'GET' || method === 'DELETE') return undefined
    const isPreflight = headers.origin !== undefined && headers['access-control-request-method'] !== undefined
    if (method !== 'OPTIONS' || !isPreflight)
      throw new Refusal('method_not_allowed', { values: { methods }, headers: { allow: methods } })
    const names = proxy.authenticators
      .map(({ header, ofConnection }) => (ofConnection === true ? '' : header))
      .filter(name => name !== '' && name !== 'cookie')
    reply(exchange, 204, preflightHeaders(headers, names))
    return 'answered'
  },
}
