import { Refusal } from '../../mcp/errors.ts'
import { preflightHeaders } from '../exchange/cors.ts'
import { reply, type RoutedExchange } from '../exchange/exchange.ts'
import type { Stage } from './stage.ts'

/** The methods that an endpoint takes, as the header Allow lists them. */
export const methods = 'POST, GET, DELETE, OPTIONS'

/**
 * Answers OPTIONS, which carries no credential; refuses methods that MCP does not use. HEAD goes on, because its sender
 * learns nothing about the endpoint without a credential.
 */
export const preflight: Stage<RoutedExchange> = {
  name: 'preflight',
  run(exchange) {
    const { head, proxy } = exchange
    const { method, headers } = head
    if (method === 'POST' || method === 'GET' || method === 'DELETE' || method === 'HEAD') return undefined
    if (method !== 'OPTIONS') throw methodRefused()
    const isPreflight = headers.origin !== undefined && headers['access-control-request-method'] !== undefined
    if (!isPreflight) {
      reply(exchange, 204, { allow: methods })
      return 'answered'
    }
    const names = proxy.authenticators
      .map(({ header, ofConnection }) => (ofConnection === true ? '' : header))
      .filter(name => name !== '' && name !== 'cookie')
    reply(exchange, 204, preflightHeaders(headers, [...names, ...proxy.allowedHeaders]))
    return 'answered'
  },
}

/** Returns the refusal of a method that MCP does not use. */
export function methodRefused(): Refusal {
  return new Refusal('method_not_allowed', { values: { methods }, headers: { allow: methods } })
}
