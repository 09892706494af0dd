import { isJudgedByName, ruleOf, type NamedKind } from '../mcp/methods.ts'
import type { Operation } from '../mcp/operation.ts'
import type { Principal } from '../auth/principal.ts'
import type { Rule, RuleList } from './matcher.ts'
import { decoded } from './percent-encoding.ts'
import { variantsOf, type UriVariant } from './uri-variants.ts'
import type { Judgement } from './decision-cache.ts'
import type { Grants, ProxyAccess, RuleKind } from './rules.ts'

/** Allow or deny, and the rule that decided. */
export interface Decision {
  readonly allow: boolean
  /** Set if the method itself is refused, whatever it names. */
  readonly method?: true
  /**
   * The place of the rule in the configuration, as a JSON pointer. On an open proxy that is `/proxies/NAME/auth`; if no
   * rule decided, it is the place that gives the principal its roles.
   */
  readonly rule: string
}

/**
 * Decides about an operation. Calls, list filtering and streams all use this one function.
 *
 * An operation is allowed if the proxy's ceiling permits its method and its name, a role of the principal allows both,
 * and no role denies either. An operation that names nothing (kind `other`) is judged by its method alone. A resource must
 * be allowed in every variant of its URI, and denied in none.
 */
export function decide(proxy: ProxyAccess, principal: Principal, operation: Operation): Decision {
  const grants = proxy.open ? undefined : proxy.grantsOf(principal.roles)
  const fallback = proxy.open ? `/proxies/${proxy.name}/auth` : principal.grantedBy
  if (grants?.length === 0) return { allow: false, rule: fallback }
  let methodRule: string | undefined
  if (operation.method !== '') {
    const judgement = judge(proxy, grants, 'method', operation.method)
    if (!judgement.allow) return { allow: false, method: true, rule: judgement.rule ?? fallback }
    methodRule = judgement.rule
  }
  if (operation.kind === 'other') return { allow: true, rule: methodRule ?? fallback }
  const { allow, rule = fallback } = judge(proxy, grants, operation.kind, operation.name)
  return { allow, rule }
}

const maxCachedLength = 256

function judge(proxy: ProxyAccess, grants: Grants | undefined, kind: RuleKind, name: string): Judgement {
  const decisions = proxy.decisions[kind]
  const owner = grants ?? proxy.ceiling
  const before = decisions.get(owner, name)
  if (before !== undefined) return before
  const judgement =
    kind === 'method'
      ? judgeMethod(proxy, grants, name)
      : kind === 'resource'
        ? judgeUri(proxy, grants, name)
        : judgeName(proxy, grants, kind, name)
  if (name.length <= maxCachedLength) decisions.set(owner, name, judgement)
  return judgement
}

/**
 * Judges a method. A deny refuses every method except those that a session needs. An allow list replaces the methods
 * that are allowed by default, except those that are judged by the names they carry.
 */
function judgeMethod(proxy: ProxyAccess, grants: Grants | undefined, method: string): Judgement {
  const classified = ruleOf(method)
  if (classified?.lifecycle === true) return { allow: true }
  const denied = denialOf(proxy, grants, method)
  if (denied !== undefined) return { allow: false, rule: denied.path }
  if (classified !== undefined && isJudgedByName(classified)) return { allow: true }
  const { allow } = proxy.ceiling.method
  const permitted = allow?.first(method)
  if (allow !== undefined && permitted === undefined) {
    return { allow: false, rule: `/proxies/${proxy.name}/methods/allow` }
  }
  if (grants !== undefined) return grantMethod(grants, method, classified !== undefined)
  return { allow: permitted !== undefined || classified !== undefined, rule: permitted?.path }
}

/** Returns the rule that denies a method: of the ceiling, or of a role. */
function denialOf(proxy: ProxyAccess, grants: Grants | undefined, method: string): Rule | undefined {
  let denied = proxy.ceiling.method.deny.first(method)
  for (let index = 0; denied === undefined && index < (grants?.length ?? 0); index++) {
    denied = grants![index]!.method.deny.first(method)
  }
  return denied
}

/** Judges a method that the ceiling permits. A role without an allow list allows the classified methods. */
function grantMethod(grants: Grants, method: string, isClassified: boolean): Judgement {
  for (const { method: rules } of grants) {
    const allowed = rules.allow?.first(method)
    if (allowed !== undefined) return { allow: true, rule: allowed.path }
    if (rules.allow === undefined && isClassified) return { allow: true }
  }
  return { allow: false }
}

function judgeUri(proxy: ProxyAccess, grants: Grants | undefined, uri: string): Judgement {
  const variants = variantsOf(uri)
  if (variants === undefined) return { allow: hasNoResourceRules(proxy, grants) }
  let judgement: Judgement | undefined
  for (const variant of variants) {
    judgement = judgeName(proxy, grants, 'resource', variant.text, { uri, ...variant })
    if (!judgement.allow) break
  }
  return judgement!
}

/** Returns whether the proxy has no rules about resources at all. */
function hasNoResourceRules({ ceiling }: ProxyAccess, grants: Grants | undefined): boolean {
  const { allow, deny } = ceiling.resource
  return grants === undefined && allow === undefined && deny.rules.length === 0
}

function judgeName(
  proxy: ProxyAccess,
  grants: Grants | undefined,
  kind: NamedKind,
  name: string,
  variant?: UriVariant & { readonly uri: string },
): Judgement {
  const match = (rules: RuleList): Rule | undefined =>
    rules.first(name) ?? (kind === 'resource' ? rules.first(decoded(name)) : undefined)
  const permit = (rules: RuleList): Rule | undefined =>
    match(rules) ?? (variant && spellingOut(rules, variant))

  const ceiling = proxy.ceiling[kind]
  const denied = match(ceiling.deny)
  if (denied !== undefined) return { allow: false, rule: denied.path }
  const permitted = ceiling.allow && permit(ceiling.allow)
  if (ceiling.allow !== undefined && permitted === undefined) {
    return { allow: false, rule: `/proxies/${proxy.name}/${kind}s/allow` }
  }
  if (grants === undefined) return { allow: true, rule: permitted?.path }

  let allowed: string | undefined
  for (const sets of grants) {
    const { allow, deny } = sets[kind]
    const denied = match(deny)
    if (denied !== undefined) return { allow: false, rule: denied.path }
    allowed ??= allow && permit(allow)?.path
  }
  return { allow: allowed !== undefined, rule: allowed }
}

/** Returns the rule that allows a variant because it spells out what the variant lacks: the whole URI, or that part. */
function spellingOut(
  rules: RuleList,
  { uri, from }: UriVariant & { readonly uri: string },
): Rule | undefined {
  const exact = rules.first(uri)
  if (exact?.pattern.replaceAll('\\', '') === uri) return exact
  const whole = from && rules.first(from.text)
  if (whole === undefined) return undefined
  const literal = whole.pattern.replaceAll('\\', '').split('*', 1)[0]!
  const { text, length } = from!
  return literal.length >= length && text.startsWith(literal.slice(0, length)) ? whole : undefined
}

/** Returns whether everyone sees everything in every list of the proxy, so that no list needs filtering. */
export function seesEverything(proxy: ProxyAccess): boolean {
  const { tool, prompt, resource, method } = proxy.ceiling
  return (
    proxy.open &&
    method.deny.rules.length === 0 &&
    [tool, prompt, resource].every(({ allow, deny }) => allow === undefined && deny.rules.length === 0)
  )
}
