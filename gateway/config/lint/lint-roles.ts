import type { Access } from '../../../schema/config.ts'
import { covers, haveCommon } from './glob-relations.ts'
import { parseGlob, type Glob } from '../../values/glob.ts'
import type { WholeContext } from './whole-context.ts'
import { isOpaque } from '../document/locate.ts'
import type { Path } from '../document/pointer.ts'
import { reportAt, type RelatedPath } from '../checks/check-context.ts'

/** Some role grants something on every proxy that asks for a credential. */
export function lintReach(context: WholeContext): void {
  const { roles, proxies } = context.config
  if (holders(context).length === 0) return
  const granted = new Set(Object.values(roles).flatMap(({ access }) => Object.keys(access)))
  if (granted.has('*')) return
  for (const [name, { auth }] of Object.entries(proxies)) {
    if (auth === 'none' || granted.has(name)) continue
    const message = `no role grants anything here, so that everybody gets 403; name \`${name}\` under \`access\` of a role`
    reportAt(context, 'GH2002', ['proxies', name], message, { part: 'key' })
  }
}

/** Every role is held by somebody, where there is anybody. */
export function lintUse(context: WholeContext): void {
  const lists = holders(context)
  if (lists.length === 0) return
  const held = new Set(lists.flat())
  const { roles } = context.config
  // Which role it is that a variable stands for, which is not set here, nobody knows.
  if ([...held].some(name => !Object.hasOwn(roles, name))) return
  for (const name of Object.keys(roles)) {
    if (held.has(name)) continue
    const message = `no key holds this role, and no auth method grants it; take it out, or name it under \`roles\` of a key or a grant`
    reportAt(context, 'GH2101', ['roles', name], message, { part: 'key' })
  }
}

/** The roles that each key and each grant gives. */
function holders({ config }: WholeContext): readonly string[][] {
  const grants = Object.values(config.auth).flatMap<{ roles: string[] }>(method =>
    'grants' in method ? method.grants : [],
  )
  return [...Object.values(config.keys), ...grants].map(({ roles }) => roles)
}

interface Pattern {
  readonly glob: Glob
  readonly path: Path
}

/** What a role allows can be had: neither the role itself nor the ceiling of the proxy takes all of it back. */
export function lintRules(context: WholeContext): void {
  const { roles, proxies } = context.config
  for (const [role, { access }] of Object.entries(roles)) {
    for (const [proxy, grant] of Object.entries(access)) {
      const path: Path = ['roles', role, 'access', proxy]
      const ceiling = Object.hasOwn(proxies, proxy) ? proxies[proxy] : undefined
      for (const kind of ['tools', 'prompts', 'resources', 'methods'] as const) {
        if (grant[kind]?.allow === undefined) continue
        const [own, above] = [
          rulesOf(context, path, kind, grant),
          rulesOf(context, ['proxies', proxy], kind, ceiling),
        ]
        // A resource is matched as it is written and decoded: two patterns without a common name may both match it.
        // Methods that are judged by name pass a ceiling that does not list them.
        const unbound = kind === 'resources' || kind === 'methods' || above.unset
        const bound = unbound ? undefined : above.allow
        const denied = [...own.deny, ...above.deny]
        for (const pattern of own.allow ?? []) lintAllow(context, pattern, denied, bound)
      }
      lintEverything(context, role, proxy, grant)
    }
  }
}

function lintAllow(
  context: WholeContext,
  { glob, path }: Pattern,
  denied: readonly Pattern[],
  ceiling: readonly Pattern[] | undefined,
): void {
  const deny = denied.find(other => covers(other.glob, glob))
  if (deny !== undefined) {
    const related: RelatedPath[] = [{ path: deny.path, message: 'it is denied here' }]
    const message = 'all that this pattern allows is denied, and a deny wins; take one of the two out'
    reportAt(context, 'GH2003', path, message, { related })
  } else if (ceiling !== undefined && !ceiling.some(other => haveCommon(other.glob, glob))) {
    const related: RelatedPath[] = [
      { path: ceiling[0]?.path.slice(0, -1) ?? path, message: 'what it allows' },
    ]
    const message =
      'the proxy allows nobody what this pattern is for; add it to the proxy, or take it out here'
    reportAt(context, 'GH2003', path, message, ceiling.length > 0 ? { related } : {})
  }
}

function lintEverything(context: WholeContext, role: string, proxy: string, { tools }: Access): void {
  const index = tools?.allow?.indexOf('*') ?? -1
  if (proxy !== '*' || index === -1 || tools!.deny.length > 0) return
  const message =
    'this is every tool of every proxy, also of those that are added later; name the proxies, or deny what is dangerous'
  reportAt(context, 'GH2102', ['roles', role, 'access', '*', 'tools', 'allow', index], message)
}

interface CompiledRules {
  readonly allow: readonly Pattern[] | undefined
  readonly deny: readonly Pattern[]
  /** One of the patterns under `allow` depends on a variable that is not set here; it is left out. */
  readonly unset: boolean
}

function rulesOf(
  context: WholeContext,
  holder: Path,
  kind: keyof Access,
  access: Access | undefined,
): CompiledRules {
  const rules = access?.[kind]
  const compile = (list: 'allow' | 'deny'): Pattern[] | undefined =>
    rules?.[list]?.flatMap((pattern, index) => {
      const path = [...holder, kind, list, index]
      return isOpaque(context.loadContext, context.config, path) ? [] : [{ glob: parseGlob(pattern), path }]
    })
  const allow = compile('allow')
  return { allow, deny: compile('deny') ?? [], unset: allow?.length !== rules?.allow?.length }
}
