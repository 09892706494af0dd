import type { Operation } from '../mcp/operation.ts'
import type { Principal } from './principal.ts'
import { decoded, readingsOf } from './readings.ts'
import { firstMatch, grantsOf, type ProxyAccess, type Rule, type RuleSets } from './rules.ts'

/** Allow or deny, and the rule that decided: its place in the configuration as a JSON pointer. */
export interface Decision {
  readonly allow: boolean
  /** `/proxies/NAME/auth` where the proxy is open, and the pointer of what grants nothing where nothing does. */
  readonly rule: string
}

/**
 * The one decision function: calls, list filtering and streams all ask it.
 *
 * An operation is allowed when the proxy's ceiling permits it and some role of the principal allows it and
 * none denies it. An operation that names nothing (kind `other`) needs a grant on the proxy and no rule. A
 * resource must be allowed in every reading of its URI, and be denied in none.
 */
export function decide(proxy: ProxyAccess, principal: Principal, operation: Operation): Decision {
  const grants = proxy.open ? [] : grantsOf(proxy, principal.roles)
  const fallback = proxy.open ? `/proxies/${proxy.name}/auth` : principal.grantedBy
  if (!proxy.open && grants.length === 0) return { allow: false, rule: fallback }
  if (operation.kind === 'other') return { allow: true, rule: fallback }
  if (operation.kind !== 'resource')
    return decideName(proxy, grants, operation.kind, operation.name, fallback)
  let decision: Decision | undefined
  for (const reading of readingsOf(operation.name)) {
    decision = decideName(proxy, grants, 'resource', reading, fallback)
    if (!decision.allow) break
  }
  return decision!
}

function decideName(
  proxy: ProxyAccess,
  grants: readonly RuleSets[],
  kind: keyof RuleSets,
  name: string,
  fallback: string,
): Decision {
  const match = (rules: readonly Rule[]): Rule | undefined =>
    firstMatch(rules, name) ?? (kind === 'resource' ? firstMatch(rules, decoded(name)) : undefined)

  const ceiling = proxy.ceiling[kind]
  const lowered = match(ceiling.deny)
  if (lowered !== undefined) return { allow: false, rule: lowered.path }
  const permitted = ceiling.allow && match(ceiling.allow)
  if (ceiling.allow !== undefined && permitted === undefined) {
    return { allow: false, rule: `/proxies/${proxy.name}/${kind}s/allow` }
  }
  if (proxy.open) return { allow: true, rule: permitted?.path ?? fallback }

  let allowed: string | undefined
  for (const sets of grants) {
    const { allow, deny } = sets[kind]
    const denied = match(deny)
    if (denied !== undefined) return { allow: false, rule: denied.path }
    allowed ??= allow && match(allow)?.path
  }
  return { allow: allowed !== undefined, rule: allowed ?? fallback }
}

/** Whether every list on the proxy shows everyone everything, so that none needs to be filtered. */
export function seesEverything(proxy: ProxyAccess): boolean {
  const { tool, prompt, resource } = proxy.ceiling
  return (
    proxy.open &&
    [tool, prompt, resource].every(({ allow, deny }) => allow === undefined && deny.length === 0)
  )
}
