import type { Access } from '../../../schema/config.ts'
import { covers, haveCommon } from './glob-relations.ts'
import { parseGlob, type Glob } from '../../values/glob.ts'
import type { WholeContext } from './whole-context.ts'
import { isSkipped } from '../document/locate.ts'
import type { Path } from '../document/pointer.ts'
import { reportAt, type RelatedPath } from '../checks/check-context.ts'

/** Notes roles that nobody holds, if there is any key or grant. */
export function lintUnusedRoles(context: WholeContext): void {
  const lists = holders(context)
  if (lists.length === 0) return
  const held = new Set(lists.flat())
  const { roles } = context.config
  // A missing variable may stand for any role.
  if ([...held].some(name => !Object.hasOwn(roles, name))) return
  for (const name of Object.keys(roles)) {
    if (held.has(name)) continue
    reportAt(context, 'GH2101', ['roles', name], {
      message: 'no key or grant gives this role',
      help: `remove the role, or name it under \`roles\` of a key or a grant`,
      part: 'key',
    })
  }
}

/** Returns the roles that each key and each grant gives. */
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

/** Warns of patterns that allow nothing, because the role itself or the proxy denies all that they match. */
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
        // A resource is matched both as written and decoded, so two patterns without a common name may match it.
        // Methods that are judged by the name of a tool or the like pass a proxy that does not list them.
        const unbound = kind === 'resources' || kind === 'methods' || above.unset
        const bound = unbound ? undefined : above.allow
        const denied = [...own.deny, ...above.deny]
        for (const pattern of own.allow ?? []) lintAllow(context, pattern, denied, bound)
      }
      lintAllTools(context, role, proxy, grant)
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
    reportAt(context, 'GH2003', path, {
      message: 'everything that this pattern allows is denied',
      help: 'remove this pattern or the deny',
      related: [{ path: deny.path, message: 'denied here' }],
    })
  } else if (ceiling !== undefined && !ceiling.some(other => haveCommon(other.glob, glob))) {
    const related: RelatedPath[] = [
      { path: ceiling[0]?.path.slice(0, -1) ?? path, message: 'the proxy allows this' },
    ]
    reportAt(context, 'GH2003', path, {
      message: 'the proxy allows nothing that this pattern matches',
      help: 'allow it on the proxy, or remove the pattern',
      ...(ceiling.length > 0 && { related }),
    })
  }
}

function lintAllTools(context: WholeContext, role: string, proxy: string, { tools }: Access): void {
  const index = tools?.allow?.indexOf('*') ?? -1
  if (proxy !== '*' || index === -1 || tools!.deny.length > 0) return
  reportAt(context, 'GH2102', ['roles', role, 'access', '*', 'tools', 'allow', index], {
    message: 'this role allows every tool of every proxy, including future ones',
    help: 'name the proxies, or deny dangerous tools',
  })
}

interface CompiledRules {
  readonly allow: readonly Pattern[] | undefined
  readonly deny: readonly Pattern[]
  /** True if a pattern under `allow` was left out because it depends on a missing variable. */
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
      return isSkipped(context.loadContext, context.config, path) ? [] : [{ glob: parseGlob(pattern), path }]
    })
  const allow = compile('allow')
  return { allow, deny: compile('deny') ?? [], unset: allow?.length !== rules?.allow?.length }
}
