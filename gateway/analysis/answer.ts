import { authorize, type Authorization } from '../access/authorize.ts'
import type { RuleList } from '../access/matcher.ts'
import { compileAccess, type ProxyAccess, type RuleKind } from '../access/rules.ts'
import { variantsOf } from '../access/uri-variants.ts'
import type { Principal } from '../auth/principal.ts'
import { createRevocations } from '../auth/revocations.ts'
import { Refusal } from '../mcp/errors.ts'
import type { NamedKind } from '../mcp/methods.ts'
import type { Operation } from '../mcp/operation.ts'
import { textOf, type Detail } from '../mcp/refusal-table.ts'
import type { RevocationEntries } from '../values/revocation-id.ts'
import { principalOf, type Caller, type Place } from './caller.ts'

/** What a caller wants to use. */
export interface Wish {
  readonly kind: RuleKind
  /** The name of a tool or prompt, the URI of a resource, or the method. */
  readonly name: string
}

/** A rule that matches: its place in the configuration as a JSON pointer, and its effect. */
export interface MatchingRule {
  readonly rule: string
  readonly pattern: string
  readonly effect: 'allow' | 'deny'
}

/** The answer to whether a caller may do something. */
export interface Answer {
  readonly allow: boolean
  /** The detail of the refusal that the gateway would log, and its text for the client. */
  readonly refusal?: { readonly detail: Detail; readonly message: string }
  /** The place that decided, as a JSON pointer; of a revocation, `revocations:` and its place in that file. */
  readonly rule: string
  /** Unknown if the caller is not authenticated. */
  readonly principal?: Pick<Principal, 'kind' | 'name' | 'roles'>
  /** The other rules that match. */
  readonly others: readonly MatchingRule[]
}

/** The methods that stand for a kind: those that carry its names. */
const methodOf = {
  tool: 'tools/call',
  prompt: 'prompts/get',
  resource: 'resources/read',
} as const satisfies Record<NamedKind, string>

/** What every request needs before its body is read. */
const admission = { method: '', kind: 'other', preliminary: true } as const

/**
 * Answers whether a caller may do something on a proxy, as the gateway would decide it: authentication, revocations, roles,
 * ceilings and scopes.
 */
export function answer(caller: Caller, wish: Wish, place: Place, revoked: RevocationEntries): Answer {
  const { config, proxy: name } = place
  const access = compileAccess(name, config.proxies[name]!, config.roles)
  let principal: Principal | undefined
  try {
    principal = principalOf(caller, place)
    createRevocations(revoked).check(principal)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    const { detail, message, rule = `/proxies/${name}/auth` } = error
    return { allow: false, refusal: { detail, message }, rule, others: [], ...about(principal) }
  }
  const operation: Operation =
    wish.kind === 'method'
      ? { method: wish.name, kind: 'other' }
      : { method: methodOf[wish.kind], kind: wish.kind, name: wish.name }
  // As in the gateway, a caller without any grant on the proxy is refused first.
  const admitted = authorize(access, principal, admission)
  const decision = admitted.allow ? authorize(access, principal, operation) : admitted
  const { allow, rule, reason, scopes = [] } = decision
  const others = matchingRules(access, principal, operation).filter(one => one.rule !== rule)
  const decided = { allow, rule, others, ...about(principal) }
  if (reason === undefined) return decided
  return { ...decided, refusal: { detail: reason, message: messageOf(reason, name, scopes) } }
}

function about(principal: Principal | undefined): Pick<Answer, 'principal'> {
  if (principal === undefined) return {}
  const { kind, name, roles } = principal
  return { principal: { kind, name, roles } }
}

/** Returns why an operation is refused. The gateway does not tell a client that a hidden name exists; this command does. */
function messageOf(
  reason: NonNullable<Authorization['reason']>,
  proxy: string,
  scopes: readonly string[],
): string {
  switch (reason) {
    case 'proxy_forbidden':
      return textOf(reason, { proxy })
    case 'scope_missing':
      return textOf(reason, { scopes: scopes.join(' ') })
    case 'method_unknown':
      return 'the method is denied, or no rule allows it'
    case 'name_unknown':
      return 'the name is denied, or no rule allows it'
  }
}

/** Returns the first rule of each list that matches the method of an operation, or what it names. */
function matchingRules(proxy: ProxyAccess, { roles }: Principal, operation: Operation): MatchingRule[] {
  const sets = [proxy.ceiling, ...(proxy.open ? [] : proxy.grantsOf(roles))]
  const asked: [RuleKind, string][] = [['method', operation.method]]
  if (operation.kind !== 'other') asked.push([operation.kind, operation.name])
  return asked.flatMap(([kind, name]) =>
    sets.flatMap(set =>
      [matching(set[kind].allow, kind, name, 'allow'), matching(set[kind].deny, kind, name, 'deny')].flat(),
    ),
  )
}

function matching(
  list: RuleList | undefined,
  kind: RuleKind,
  name: string,
  effect: MatchingRule['effect'],
): MatchingRule[] {
  const texts = kind === 'resource' ? (variantsOf(name)?.map(({ text }) => text) ?? []) : [name]
  const rule = texts.map(text => list?.first(text)).find(found => found !== undefined)
  return rule === undefined ? [] : [{ rule: rule.path, pattern: rule.pattern, effect }]
}
