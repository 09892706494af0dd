import type { Authorization } from '../../access/authorize.ts'
import { Refusal } from '../../mcp/errors.ts'
import type { Operation } from '../../mcp/operation.ts'

/**
 * Returns the refusal of an operation that is not allowed. A name that the caller may not use is refused as one that does
 * not exist, so that nobody learns what is hidden (MCP 2026-07-28, tools: an unknown tool is -32602 in a 200).
 *
 * @param proxy the name of the proxy
 * @param id the request's id as JSON text
 */
export function refusedOperation(
  { reason, rule, scopes }: Authorization,
  { kind, method, name = '' }: Operation,
  proxy: string,
  id: string | undefined,
): Refusal {
  switch (reason!) {
    case 'method_unknown':
      return new Refusal('method_unknown', { values: { method }, id, rule })
    case 'proxy_forbidden':
      return new Refusal('proxy_forbidden', { values: { proxy }, id, rule })
    case 'scope_missing':
      return new Refusal('scope_missing', { values: { scopes: scopes!.join(' ') }, id, rule, scopes })
    case 'name_unknown': {
      const data = kind === 'resource' ? { uri: name } : undefined
      return new Refusal('name_unknown', { values: { kind, name }, id, rule, data })
    }
  }
}
