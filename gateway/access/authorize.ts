import type { Principal } from '../auth/principal.ts'
import type { Operation } from '../mcp/operation.ts'
import { decide } from './decide.ts'
import type { ProxyAccess } from './rules.ts'
import { hasAllScopes, scopesFor } from './scopes.ts'

/** The answer to whether an operation is allowed: the rule that decided and, for a refusal, the reason. */
export interface Authorization {
  readonly allow: boolean
  /** A place in the configuration, as a JSON pointer. */
  readonly rule: string
  /** The detail of the refusal; undefined if the operation is allowed. */
  readonly reason?: 'proxy_forbidden' | 'method_unknown' | 'name_unknown' | 'scope_missing'
  /** Every scope that the operation needs, if the token lacks one. */
  readonly scopes?: readonly string[]
}

/**
 * Decides whether a principal may do an operation on a proxy. Roles and ceilings come first, then the scopes of a token,
 * so that a missing scope does not reveal what the caller may not see. Has no side effects.
 */
export function authorize(proxy: ProxyAccess, principal: Principal, operation: Operation): Authorization {
  const decision = decide(proxy, principal, operation)
  if (!decision.allow) {
    const { allow, rule, method } = decision
    if (method === true) return { allow, rule, reason: 'method_unknown' }
    return { allow, rule, reason: operation.kind === 'other' ? 'proxy_forbidden' : 'name_unknown' }
  }
  if (principal.scopes === undefined) return decision
  if (operation.kind === 'other' && operation.preliminary === true) return decision
  const scopes = scopesFor(proxy.scopes, operation)
  if (hasAllScopes(scopes, principal.scopes)) return decision
  return { allow: false, rule: `/proxies/${proxy.name}/scopes`, reason: 'scope_missing', scopes }
}
