import type { AuthMethod, Config } from '../../../schema/config.ts'
import { isUsable } from '../../values/window.ts'
import { reportAt } from '../checks/check-context.ts'
import type { WholeContext } from './whole-context.ts'

/** The roles that one key or one grant gives. */
type Holder = readonly string[]

/**
 * Warns of proxies at which nobody can get in: there is no key or grant for their auth methods. For `lint`, also warns of
 * proxies to which no role of those grants access.
 */
export function lintCallers(context: WholeContext): void {
  const { proxies, roles } = context.config
  const keyHolders = usableKeys(context)
  for (const [name, { auth }] of Object.entries(proxies)) {
    if (auth === 'none') continue
    const methods = auth.flatMap(method => context.config.auth[method] ?? [])
    // A missing variable may stand for any auth method.
    if (methods.length < auth.length) continue
    const held = methods.flatMap(method =>
      'grants' in method ? method.grants.map(one => one.roles) : keyHolders,
    )
    if (held.length === 0) {
      reportAt(context, 'GH1435', ['proxies', name, 'auth'], {
        message: `nobody can get in at this proxy: ${whyNobody(context.config, methods)}`,
        help: methods.some(({ type }) => type === 'api-key')
          ? 'make a key with `gatehouse keys new`'
          : 'add `grants` to the auth method, such as `[{when: {scopes: [mcp:read]}, roles: [reader]}]`',
        part: 'key',
      })
    } else if (
      context.loadContext.options.review === 'lint' &&
      !held.some(holder => reaches(roles, holder, name))
    ) {
      reportAt(context, 'GH2002', ['proxies', name], {
        message: 'no role of a key or grant for this proxy grants access to it, so every call gets 403',
        help: `name \`${name}\` under \`access\` of a role that they have`,
        part: 'key',
      })
    }
  }
}

function whyNobody({ keys }: Config, methods: readonly AuthMethod[]): string {
  if (!methods.some(({ type }) => type === 'api-key')) return 'its auth methods have no `grants`'
  return Object.keys(keys).length === 0 ? 'there are no keys' : 'every key is disabled or has expired'
}

/** Returns the roles of every key that works or will, each combination once: there may be many keys, and many proxies. */
function usableKeys({ config, loadContext }: WholeContext): Holder[] {
  const now = loadContext.options.now.getTime()
  return distinct(Object.values(config.keys).filter(key => isUsable(key, now)))
}

function distinct(holders: readonly { readonly roles: Holder }[]): Holder[] {
  return [...new Map(holders.map(({ roles }) => [JSON.stringify(roles), roles])).values()]
}

function reaches(roles: Config['roles'], holder: Holder, proxy: string): boolean {
  return holder.some(role => {
    // A missing variable may stand for any role.
    if (!Object.hasOwn(roles, role)) return true
    const { access } = roles[role]!
    return Object.hasOwn(access, proxy) || Object.hasOwn(access, '*')
  })
}

/** Warns of roles that allow nothing of a kind that they name, unless each of their holders has another role that does. */
export function lintDenyOnly(context: WholeContext): void {
  const { auth, keys, roles } = context.config
  const grants = Object.values(auth).flatMap<{ roles: string[] }>(method =>
    'grants' in method ? method.grants : [],
  )
  const holders = distinct([...Object.values(keys), ...grants])
  for (const [name, { access }] of Object.entries(roles)) {
    for (const [proxy, rules] of Object.entries(access)) {
      for (const kind of ['tools', 'prompts', 'resources'] as const) {
        if (rules[kind] === undefined || rules[kind].allow !== undefined) continue
        const held = holders.filter(holder => holder.includes(name))
        const isAllowed = (role: string): boolean => {
          const other = roles[role]?.access
          return (
            other === undefined || [proxy, '*'].some(target => other[target]?.[kind]?.allow !== undefined)
          )
        }
        if (held.length > 0 && held.every(holder => holder.some(isAllowed))) continue
        reportAt(context, 'GH1434', ['roles', name, 'access', proxy, kind], {
          message: `this role grants no ${kind}, because it has no \`allow\` for them`,
          help: `add \`allow: ["*"]\` to grant all ${kind} that it does not deny`,
          part: 'key',
        })
      }
    }
  }
}
