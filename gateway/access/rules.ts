import type { Access, Proxy, Role, Rules } from '../../schema/config.ts'
import { matchGlob, parseGlob, type Glob } from '../config/glob.ts'
import type { Kind } from '../mcp/operation.ts'
import { compileScopes, type ScopeRules } from './scopes.ts'

/** One compiled glob and its place in the configuration, as a JSON pointer. */
export interface Rule {
  readonly pattern: string
  readonly path: string
  readonly glob: Glob
}

/** The rules for one kind of thing. Without `allow` every name is allowed that is not denied. */
export interface RuleSet {
  readonly allow: readonly Rule[] | undefined
  readonly deny: readonly Rule[]
}

/** A rule set for each kind that can be named. */
export type RuleSets = Readonly<Record<Exclude<Kind, 'other'>, RuleSet>>

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

const nothing: RuleSet = { allow: [], deny: [] }
const everything: RuleSet = { allow: undefined, deny: [] }

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

/** The rule sets that roles have on a proxy. */
export function grantsOf(proxy: ProxyAccess, roles: readonly string[]): RuleSets[] {
  return roles.flatMap(role => proxy.grants.get(role) ?? [])
}

/** The first rule that matches a name; undefined where none does. */
export function firstMatch(rules: readonly Rule[], name: string): Rule | undefined {
  return rules.find(rule => matchGlob(rule.glob, name))
}

function compileSets(access: Access, path: string, missing: RuleSet): RuleSets {
  return {
    tool: compileSet(access.tools, `${path}/tools`, missing),
    prompt: compileSet(access.prompts, `${path}/prompts`, missing),
    resource: compileSet(access.resources, `${path}/resources`, missing),
  }
}

function compileSet(rules: Rules | undefined, path: string, missing: RuleSet): RuleSet {
  if (rules === undefined) return missing
  return {
    allow:
      rules.allow?.map((pattern, index) => compileRule(pattern, `${path}/allow/${index}`)) ?? missing.allow,
    deny: rules.deny.map((pattern, index) => compileRule(pattern, `${path}/deny/${index}`)),
  }
}

function compileRule(pattern: string, path: string): Rule {
  return { pattern, path, glob: parseGlob(pattern) }
}
