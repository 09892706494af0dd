import type { TokenGrant } from '../../../schema/config.ts'
import { quote, written } from '../document/locate.ts'
import type { Path } from '../document/pointer.ts'
import { instead, nearest } from '../document/suggest.ts'
import { entries, items, reportAt, type DeepPartial, type CheckContext } from './check-context.ts'

/** Roles, proxies and auth methods that something names have to be there. */
export function checkNames(context: CheckContext): void {
  const { config, loadContext } = context
  // What is not there may stand in the fragment that cannot be read.
  if (loadContext.incomplete) return
  if (config.roles !== undefined) checkRoles(context, Object.keys(config.roles))
  if (config.proxies !== undefined) checkProxies(context, Object.keys(config.proxies))
  if (config.auth !== undefined) checkAuthMethods(context, Object.keys(config.auth))
  checkUse(context)
}

/** An auth method that no proxy accepts lets nobody in, and whoever reads the file may think that it does. */
function checkUse(context: CheckContext): void {
  const { proxies, auth } = context.config
  const lists = Object.values(proxies ?? {}).map(proxy => proxy?.auth)
  const used = new Set(lists.flatMap(list => (list === 'none' ? [] : list)))
  // What the schema took out may have named any of them, and a misspelt name is told where it stands.
  if (used.size === 0 || used.has(undefined)) return
  for (const name of used) if (auth?.[name!] === undefined) return
  for (const [name] of entries(auth)) {
    if (used.has(name)) continue
    const message = `no proxy accepts the auth method ${quote(name)}; name it under \`auth\` of a proxy, or take it out`
    reportAt(context, 'GH1406', ['auth', name], message, { part: 'key' })
  }
}

function checkRoles(context: CheckContext, known: readonly string[]): void {
  const roles = new Set(known)
  for (const [name, key] of entries(context.config.keys)) {
    for (const [index, role] of items(key.roles)) {
      if (!roles.has(role)) unknown(context, 'GH1301', 'role', ['keys', name, 'roles', index], role, known)
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
        unknown(context, 'GH1301', 'role', ['auth', name, 'grants', grant, 'roles', index], role, known)
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
      const message = `unknown proxy ${quote(proxy)}${instead(suggestion, known, 'no proxy is declared')}`
      reportAt(context, 'GH1302', ['roles', name, 'access', proxy], message, { part: 'key', suggestion })
    }
  }
}

function checkAuthMethods(context: CheckContext, known: readonly string[]): void {
  const methods = new Set(known)
  for (const [name, { auth }] of entries(context.config.proxies)) {
    if (auth === 'none' || auth === undefined) continue
    for (const [index, method] of items(auth)) {
      if (!methods.has(method))
        unknown(context, 'GH1303', 'auth method', ['proxies', name, 'auth', index], method, known)
    }
  }
}

function unknown(
  context: CheckContext,
  code: 'GH1301' | 'GH1303',
  noun: string,
  path: Path,
  name: string,
  known: readonly string[],
): void {
  const suggestion = nearest(name, known, context.loadContext.suggestions)
  const wrote = written(context.loadContext, context.config, path)
  reportAt(
    context,
    code,
    path,
    `unknown ${noun} ${wrote}${instead(suggestion, known, `no ${noun} is declared`)}`,
    {
      suggestion,
    },
  )
}
