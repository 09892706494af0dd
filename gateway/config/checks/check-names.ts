import type { TokenGrant } from '../../../schema/config.ts'
import { quote, quoteValue } from '../document/locate.ts'
import type { Path } from '../document/pointer.ts'
import { helpWithName, nearest } from '../document/suggest.ts'
import { entries, items, reportAt, type DeepPartial, type CheckContext } from './check-context.ts'

/** Checks that the roles, proxies and auth methods that are named exist. */
export function checkNames(context: CheckContext): void {
  const { config, loadContext } = context
  // A missing name may be in the fragment that cannot be read.
  if (loadContext.incomplete) return
  if (config.roles !== undefined) checkRoles(context, Object.keys(config.roles))
  if (config.proxies !== undefined) checkProxies(context, Object.keys(config.proxies))
  if (config.auth !== undefined) checkAuthMethods(context, Object.keys(config.auth))
  checkUnusedAuth(context)
}

/** Warns of auth methods that no proxy accepts: readers may think that they let clients in. */
function checkUnusedAuth(context: CheckContext): void {
  const { proxies, auth } = context.config
  const lists = Object.values(proxies ?? {}).map(proxy => proxy?.auth)
  const used = new Set(lists.flatMap(list => (list === 'none' ? [] : list)))
  // A list that the schema refused may have named any of them. A misspelled name is reported at its place.
  if (used.size === 0 || used.has(undefined)) return
  for (const name of used) if (auth?.[name!] === undefined) return
  for (const [name] of entries(auth)) {
    if (used.has(name)) continue
    reportAt(context, 'GH1406', ['auth', name], {
      message: `no proxy accepts the auth method ${quote(name)}`,
      help: 'name it under `auth` of a proxy, or remove it',
      part: 'key',
    })
  }
}

function checkRoles(context: CheckContext, known: readonly string[]): void {
  const roles = new Set(known)
  for (const [name, key] of entries(context.config.keys)) {
    for (const [index, role] of items(key.roles)) {
      if (!roles.has(role)) reportUnknown(context, 'GH1301', ['keys', name, 'roles', index], role, known)
    }
  }
  checkGrants(context, roles, known)
}

function checkGrants(context: CheckContext, roles: ReadonlySet<string>, known: readonly string[]): void {
  for (const [name, method] of entries(context.config.auth)) {
    if (!('grants' in method)) continue
    const grants = method.grants as
      | readonly (Pick<DeepPartial<TokenGrant>, 'roles'> | undefined)[]
      | undefined
    for (const [grant, { roles: granted }] of items(grants)) {
      for (const [index, role] of items(granted)) {
        if (roles.has(role)) continue
        reportUnknown(context, 'GH1301', ['auth', name, 'grants', grant, 'roles', index], role, known)
      }
    }
  }
}

function checkProxies(context: CheckContext, known: readonly string[]): void {
  const { loadContext } = context
  const proxies = new Set(known)
  for (const [name, role] of entries(context.config.roles)) {
    for (const proxy of Object.keys(role.access ?? {})) {
      if (proxy === '*' || proxies.has(proxy)) continue
      const suggestion = nearest(proxy, known, loadContext.suggestions)
      reportAt(context, 'GH1302', ['roles', name, 'access', proxy], {
        message: `unknown proxy ${quote(proxy)}`,
        help: helpWithName(suggestion, known, 'declare it under `proxies`'),
        part: 'key',
        suggestion,
      })
    }
  }
}

function checkAuthMethods(context: CheckContext, known: readonly string[]): void {
  const methods = new Set(known)
  for (const [name, { auth }] of entries(context.config.proxies)) {
    if (auth === 'none' || auth === undefined) continue
    for (const [index, method] of items(auth)) {
      if (!methods.has(method))
        reportUnknown(context, 'GH1303', ['proxies', name, 'auth', index], method, known)
    }
  }
}

function reportUnknown(
  context: CheckContext,
  code: 'GH1301' | 'GH1303',
  path: Path,
  name: string,
  known: readonly string[],
): void {
  const suggestion = nearest(name, known, context.loadContext.suggestions)
  const [noun, block] = code === 'GH1301' ? ['role', 'roles'] : ['auth method', 'auth']
  reportAt(context, code, path, {
    message: `unknown ${noun} ${quoteValue(context.loadContext, context.config, path)}`,
    help: helpWithName(suggestion, known, `declare it under \`${block}\``),
    suggestion,
  })
}
