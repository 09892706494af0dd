import type { Operation } from '../mcp/operation.ts'
import type { Principal } from './principal.ts'
import { firstMatch, type ProxyAccess, type RuleSets } from './rules.ts'

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
 * none denies it. An operation that names nothing (kind `other`) needs a grant on the proxy and no rule.
 */
export function decide(proxy: ProxyAccess, principal: Principal, operation: Operation): Decision {
  const grants = proxy.open ? [] : grantsOf(proxy, principal)
  if (!proxy.open && grants.length === 0) return { allow: false, rule: `/keys/${principal.name}/roles` }
  const granted = { allow: true, rule: proxy.open ? `/proxies/${proxy.name}/auth` : `/keys/${principal.name}/roles` }
  if (operation.kind === 'other') return granted
  const { kind, name } = operation

  const ceiling = proxy.ceiling[kind]
  const lowered = firstMatch(ceiling.deny, name)
  if (lowered !== undefined) return { allow: false, rule: lowered.path }
  const permitted = ceiling.allow === undefined ? undefined : firstMatch(ceiling.allow, name)
  if (ceiling.allow !== undefined && permitted === undefined) {
    return { allow: false, rule: `/proxies/${proxy.name}/${kind}s/allow` }
  }
  if (proxy.open) return permitted === undefined ? granted : { allow: true, rule: permitted.path }

  let allowed: string | undefined
  for (const sets of grants) {
    const { allow, deny } = sets[kind]
    const denied = firstMatch(deny, name)
    if (denied !== undefined) return { allow: false, rule: denied.path }
    allowed ??= allow && firstMatch(allow, name)?.path
  }
  return { allow: allowed !== undefined, rule: allowed ?? granted.rule }
}

/** Whether the principal may use the proxy at all. */
export function hasGrant(proxy: ProxyAccess, principal: Principal): boolean {
  return proxy.open || principal.roles.some(role => proxy.grants.has(role))
}

/** Whether every list on the proxy shows this principal everything, so that none needs to be filtered. */
export function seesEverything(proxy: ProxyAccess): boolean {
  const { tool, prompt, resource } = proxy.ceiling
  return proxy.open && [tool, prompt, resource].every(({ allow, deny }) => allow === undefined && deny.length === 0)
}

/**
 * Whether what the principal may do on a proxy shrank, judged by the patterns themselves: an allow that is
 * gone or a deny that is new counts, whether or not another pattern makes up for it.
 */
export function isNarrowed(
  before: ProxyAccess,
  was: Principal,
  after: ProxyAccess,
  is: Pick<Principal, 'roles'>,
): boolean {
  if (before.open !== after.open) return !after.open
  const then = [...grantsOf(before, was)]
  const now = [...grantsOf(after, is)]
  if (then.length > 0 && now.length === 0) return true
  return (['tool', 'prompt', 'resource'] as const).some(
    kind =>
      lost(patterns(then, kind, 'allow'), patterns(now, kind, 'allow')) ||
      lost(patterns(now, kind, 'deny'), patterns(then, kind, 'deny')) ||
      lost(patterns([after.ceiling], kind, 'deny'), patterns([before.ceiling], kind, 'deny')) ||
      (after.ceiling[kind].allow !== undefined &&
        (before.ceiling[kind].allow === undefined ||
          lost(patterns([before.ceiling], kind, 'allow'), patterns([after.ceiling], kind, 'allow')))),
  )
}

function grantsOf(proxy: ProxyAccess, principal: Pick<Principal, 'roles'>): RuleSets[] {
  return principal.roles.flatMap(role => proxy.grants.get(role) ?? [])
}

function patterns(sets: readonly RuleSets[], kind: keyof RuleSets, list: 'allow' | 'deny'): Set<string> {
  return new Set(sets.flatMap(set => (set[kind][list] ?? []).map(rule => rule.pattern)))
}

function lost(from: ReadonlySet<string>, into: ReadonlySet<string>): boolean {
  return [...from].some(pattern => !into.has(pattern))
}
