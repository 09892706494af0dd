import type { Access, Proxy, Role, Rules } from '../../schema/config.ts'
import type { NamedKind } from '../mcp/methods.ts'
import { compileRules, type RuleList } from './matcher.ts'
import { compileScopes, type ScopeRules } from './scopes.ts'
import { spellingsOfAllow, spellingsOfDeny } from './uri-patterns.ts'

/** The rules for one kind of thing. Without `allow` every name is allowed that is not denied. */
export interface RuleSet {
  readonly allow: RuleList | undefined
  readonly deny: RuleList
}

/** What rules are about: a kind of thing that can be named, or methods. */
export type RuleKind = NamedKind | 'method'

/** A rule set for each kind. For methods a missing `allow` allows those that are classified: see mcp/methods.ts. */
export type RuleSets = Readonly<Record<RuleKind, RuleSet>>

export const ruleKinds = ['tool', 'prompt', 'resource', 'method'] as const satisfies readonly RuleKind[]

/** What a proxy permits: its ceiling, and the grants of each role that has one on it. */
export interface ProxyAccess {
  readonly name: string
  /** Open to everyone (`auth: none`): the ceiling alone decides. */
  readonly open: boolean
  readonly ceiling: RuleSets
  /** What tokens need beside roles. */
  readonly scopes: ScopeRules
  /** By role. */
  readonly grants: ReadonlyMap<string, readonly RuleSets[]>
}

const none = compileRules([], '')
const nothing: RuleSet = { allow: none, deny: none }
const everything: RuleSet = { allow: undefined, deny: none }

/**
 * Compiles what a proxy permits.
 *
 * @param name the proxy's name
 * @param proxy its `auth`, its ceiling and its scopes
 * @param roles every role of the configuration
 */
export function compileAccess(
  name: string,
  proxy: Access & Pick<Proxy, 'scopes'> & { readonly auth: unknown },
  roles: Readonly<Record<string, Role>>,
): ProxyAccess {
  const grants = new Map<string, RuleSets[]>()
  for (const [role, { access }] of Object.entries(roles)) {
    const sets = [name, '*']
      .filter(target => Object.hasOwn(access, target))
      .map(target => compileSets(access[target]!, `/roles/${role}/access/${target}`, nothing))
    if (sets.length > 0) grants.set(role, sets)
  }
  return {
    name,
    open: proxy.auth === 'none',
    ceiling: compileSets(proxy, `/proxies/${name}`, everything),
    scopes: compileScopes(proxy.scopes),
    grants,
  }
}

/** What combinations of roles hold on each proxy, and by the very list of roles. */
const combined = new WeakMap<ProxyAccess, Map<string, readonly RuleSets[]>>()
const known = new WeakMap<ProxyAccess, WeakMap<readonly string[], readonly RuleSets[]>>()
const maxCombinations = 1000

/** The rule sets that roles have on a proxy: for the same roles the same list, of which there are few. */
export function grantsOf(proxy: ProxyAccess, roles: readonly string[]): readonly RuleSets[] {
  let ofProxy = known.get(proxy)
  if (ofProxy === undefined) known.set(proxy, (ofProxy = new WeakMap()))
  let grants = ofProxy.get(roles)
  if (grants === undefined) ofProxy.set(roles, (grants = combine(proxy, roles)))
  return grants
}

function combine(proxy: ProxyAccess, roles: readonly string[]): readonly RuleSets[] {
  let ofProxy = combined.get(proxy)
  if (ofProxy === undefined) combined.set(proxy, (ofProxy = new Map()))
  const held = roles.filter(role => proxy.grants.has(role))
  const text = JSON.stringify(held)
  const before = ofProxy.get(text)
  if (before !== undefined) return before
  const grants = held.flatMap(role => proxy.grants.get(role)!)
  if (ofProxy.size >= maxCombinations) ofProxy.clear()
  ofProxy.set(text, grants)
  return grants
}

function compileSets(access: Access, path: string, missing: RuleSet): RuleSets {
  return {
    tool: compileSet(access.tools, `${path}/tools`, missing),
    prompt: compileSet(access.prompts, `${path}/prompts`, missing),
    resource: compileSet(access.resources, `${path}/resources`, missing, true),
    method: compileSet(access.methods, `${path}/methods`, everything),
  }
}

function compileSet(rules: Rules | undefined, path: string, missing: RuleSet, ofUris = false): RuleSet {
  if (rules === undefined) return missing
  const { allow, deny } = rules
  return {
    allow:
      allow === undefined
        ? missing.allow
        : compileRules(allow, `${path}/allow`, ofUris ? spellingsOfAllow : undefined),
    deny: compileRules(deny, `${path}/deny`, ofUris ? spellingsOfDeny : undefined),
  }
}
