import { bearerChallenge } from '../gateway/auth/challenge.ts'
import type { OperationPolicy } from './policy.ts'
import { isOffered, scopesFor } from '../gateway/access/scopes.ts'
import { Refusal } from '../gateway/mcp/errors.ts'

/**
 * Scopes of tokens. Stands behind the roles, so that it says nothing of what the caller may not know; what it refuses
 * is told with everything that the operation needs, so that a client can ask for it in one go (MCP 2026-07-28,
 * authorization, Scope Challenge Handling).
 */
export const scopes: OperationPolicy = {
  kind: 'scopes',
  stage: 'operation',
  create: (proxy, metadataUrl) =>
    function checkScopes(principal, operation, id) {
      if (principal.scopes === undefined) return ''
      if (operation.kind === 'other' && operation.preliminary === true) return ''
      const needed = scopesFor(proxy.scopes, operation)
      if (isOffered(needed, principal.scopes)) return ''
      const message = `the token lacks a scope; this needs ${needed.join(' ')}`
      const challenge = bearerChallenge(proxy.name, metadataUrl, {
        error: 'insufficient_scope',
        scope: needed.join(' '),
        description: message,
      })
      throw new Refusal('insufficient_scope', message, {
        id,
        rule: `/proxies/${proxy.name}/scopes`,
        headers: { 'www-authenticate': challenge },
      })
    },
}
