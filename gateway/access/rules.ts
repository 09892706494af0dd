import { BoundedMap } from '../lib/bounded-map.ts'
import type { Access, Proxy, Role, Rules } from '../../schema/config.ts'
import type { NamedKind } from '../mcp/methods.ts'
import { createDecisions, type Decisions } from './decision-cache.ts'
import { compileRules, type RuleList } from './matcher.ts'
import { compileScopes, type ScopeRules } from './scopes.ts'
import { spellingsOfAllow, spellingsOfDeny } from './uri-patterns.ts'

/** The rules for one kind. Without `allow`, every name is allowed that is not denied. */
export interface RuleSet {
  readonly allow: RuleList | undefined
  readonly deny: RuleList
}

/** The subject of rules: tools, prompts, resources or methods. */
export type RuleKind = NamedKind | 'method'

/** A rule set for each kind. For methods, a missing `allow` allows the classified ones: see mcp/methods.ts. */
export type RuleSets = Readonly<Record<RuleKind, RuleSet>>

export const ruleKinds = ['tool', 'prompt', 'resource', 'method'] as const satisfies readonly RuleKind[]

/** The access rules of a proxy: its ceiling, and the grants that roles have on it. */
export interface ProxyAccess {
  readonly name: string
  /** Open to everyone (`auth: none`): the ceiling alone decides. */
  readonly open: boolean
  readonly ceiling: RuleSets
  /** The scopes that tokens need, besides roles. */
  readonly scopes: ScopeRules
  /** Returns the rule sets that roles have on the proxy. The same roles give the same list. */
  grantsOf(this: void, roles: readonly string[]): Grants
  /** Caches decisions by the grants that they depend on; on an open proxy, by its ceiling. */
  readonly decisions: Decisions
  /** Caches whether one list of grants reduces another: many streams may depend on the same two. */
  readonly reductions: WeakMap<Grants, WeakMap<Grants, boolean>>
}

/** The rule sets of several roles. */
export type Grants = readonly RuleSets[]

const none = compileRules([], '')
const nothing: RuleSet = { allow: none, deny: none }
const everything: RuleSet = { allow: undefined, deny: none }

/**
 * Compiles the access rules of a proxy.
 *
 * @param name of the proxy
 * @param proxy its `auth`, its ceiling and its scopes
 * @param roles every role of the configuration
 * @param decisions the cache of decisions; proxies share one, so that its bound holds for all of them together
 */
export function compileAccess(
  name: string,
  proxy: Access & Pick<Proxy, 'scopes'> & { readonly auth: unknown },
  roles: Readonly<Record<string, Role>>,
  decisions: Decisions = createDecisions(),
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
    grantsOf: createCombinations(grants),
    decisions,
    reductions: new WeakMap(),
  }
}

const maxCombinations = 1000

/** Returns a function that combines the rule sets of roles. It caches the combinations: there are few. */
function createCombinations(grants: ReadonlyMap<string, readonly RuleSets[]>): ProxyAccess['grantsOf'] {
  const byRoles = new BoundedMap<string, Grants>(maxCombinations)
  // Looked up first: principals of one key or grant share one array of roles.
  const byList = new WeakMap<readonly string[], Grants>()
  function combine(roles: readonly string[]): Grants {
    const held = roles.filter(role => grants.has(role))
    const text = JSON.stringify(held)
    const before = byRoles.get(text)
    if (before !== undefined) return before
    const combined = held.flatMap(role => grants.get(role)!)
    byRoles.set(text, combined)
    return combined
  }
  return roles => {
    let found = byList.get(roles)
    if (found === undefined) byList.set(roles, (found = combine(roles)))
    return found
  }
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
