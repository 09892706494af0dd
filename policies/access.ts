import { decide } from '../gateway/access/decide.ts'
import type { OperationPolicy } from './policy.ts'
import { Refusal } from '../gateway/mcp/errors.ts'

/**
 * Roles and ceilings. A name that the caller may not use is answered as one that does not exist, so that
 * nobody learns what is hidden (MCP 2026-07-28, tools: an unknown tool is -32602 in a 200).
 */
export const access: OperationPolicy = {
  kind: 'access',
  stage: 'operation',
  create: proxy =>
    function checkAccess(principal, operation, id) {
      const { allow, rule, method } = decide(proxy, principal, operation)
      if (allow) return rule
      if (method === true)
        throw new Refusal('method_unknown', `Method not found: ${operation.method}`, { id, rule })
      if (operation.kind === 'other') {
        const message = `the caller holds no role with access to the proxy ${proxy.name}`
        throw new Refusal('forbidden', message, { id, rule })
      }
      const data = operation.kind === 'resource' ? { uri: operation.name } : {}
      throw new Refusal('name_unknown', `Unknown ${operation.kind}: ${operation.name}`, {
        id,
        rule,
        data,
      })
    },
}
