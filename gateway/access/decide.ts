import { isJudgedByName, ruleOf, type NamedKind } from '../mcp/methods.ts'
import type { Operation } from '../mcp/operation.ts'
import type { Principal } from '../auth/principal.ts'
import type { Rule, RuleList } from './matcher.ts'
import { decoded, variantsOf, type UriVariant } from './uri-variants.ts'
import type { Judgement } from './decision-cache.ts'
import type { Grants, ProxyAccess, RuleKind } from './rules.ts'

/** Allow or deny, and the rule that decided: its place in the configuration as a JSON pointer. */
export interface Decision {
  readonly allow: boolean
  /** The method itself was refused, whatever it names. */
  readonly method?: true
  /** `/proxies/NAME/auth` where the proxy is open, and the pointer of what grants nothing where nothing does. */
  readonly rule: string
}

/**
 * The one decision function: calls, list filtering and streams all ask it.
 *
 * An operation is allowed when the proxy's ceiling permits its method and its name, and some role of the principal
 * allows both and none denies either. An operation that names nothing (kind `other`) is judged by its method alone. A
 * resource must be allowed in every variant of its URI, and be denied in none.
 */
export function decide(proxy: ProxyAccess, principal: Principal, operation: Operation): Decision {
  const grants = proxy.open ? undefined : proxy.grantsOf(principal.roles)
  const fallback = proxy.open ? `/proxies/${proxy.name}/auth` : principal.grantedBy
  if (grants?.length === 0) return { allow: false, rule: fallback }
  if (operation.method !== '') {
    const judgement = judged(proxy, grants, 'method', operation.method)
    if (!judgement.allow) return { allow: false, method: true, rule: judgement.rule ?? fallback }
  }
  if (operation.kind === 'other') return { allow: true, rule: fallback }
  const { allow, rule = fallback } = judged(proxy, grants, operation.kind, operation.name)
  return { allow, rule }
}

const maxCachedLength = 256

function judged(proxy: ProxyAccess, grants: Grants | undefined, kind: RuleKind, name: string): Judgement {
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
 * Judges a method. A deny takes away every method but those that a session cannot do without. An allow list replaces the
 * methods that pass by default, except those that are judged by the names they carry.
 */
function judgeMethod(proxy: ProxyAccess, grants: Grants | undefined, method: string): Judgement {
  const rule = ruleOf(method)
  if (rule?.lifecycle === true) return { allow: true }
  const { ceiling } = proxy
  for (const { method: rules } of grants === undefined ? [ceiling] : [ceiling, ...grants]) {
    const denied = rules.deny.first(method)
    if (denied !== undefined) return { allow: false, rule: denied.path }
  }
  if (rule !== undefined && isJudgedByName(rule)) return { allow: true }
  const permitted = ceiling.method.allow?.first(method)
  if (ceiling.method.allow !== undefined && permitted === undefined)
    return { allow: false, rule: `/proxies/${proxy.name}/methods/allow` }
  if (grants === undefined)
    return { allow: permitted !== undefined || rule !== undefined, rule: permitted?.path }
  for (const { method: rules } of grants) {
    const allowed = rules.allow?.first(method)
    if (allowed !== undefined) return { allow: true, rule: allowed.path }
    if (rules.allow === undefined && rule !== undefined) return { allow: true }
  }
  return { allow: false }
}

function judgeUri(proxy: ProxyAccess, grants: Grants | undefined, uri: string): Judgement {
  const variants = variantsOf(uri)
  if (variants === undefined) return { allow: isUnlimited(proxy, grants) }
  let judgement: Judgement | undefined
  for (const variant of variants) {
    judgement = judgeName(proxy, grants, 'resource', variant.text, { uri, ...variant })
    if (!judgement.allow) break
  }
  return judgement!
}

/** Whether nothing that is said of resources could decide about one. */
function isUnlimited({ ceiling }: ProxyAccess, grants: Grants | undefined): boolean {
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
    match(rules) ?? (variant && spelledOut(rules, variant))

  const ceiling = proxy.ceiling[kind]
  const lowered = match(ceiling.deny)
  if (lowered !== undefined) return { allow: false, rule: lowered.path }
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

/** The rule that allows a variant because its author wrote down what the variant lacks: the URI itself, or that part. */
function spelledOut(rules: RuleList, { uri, from }: UriVariant & { readonly uri: string }): Rule | undefined {
  const exact = rules.first(uri)
  if (exact?.pattern.replaceAll('\\', '') === uri) return exact
  const whole = from && rules.first(from.text)
  if (whole === undefined) return undefined
  const literal = whole.pattern.replaceAll('\\', '').split('*', 1)[0]!
  const { text, length } = from!
  return literal.length >= length && text.startsWith(literal.slice(0, length)) ? whole : undefined
}

/** Whether every list on the proxy shows everyone everything, so that none needs to be filtered. */
export function seesEverything(proxy: ProxyAccess): boolean {
  const { tool, prompt, resource, method } = proxy.ceiling
  return (
    proxy.open &&
    method.deny.rules.length === 0 &&
    [tool, prompt, resource].every(({ allow, deny }) => allow === undefined && deny.rules.length === 0)
  )
}
