import { checkFragmentReferences, type Owned } from './check-fragment-references.ts'
import { find } from '../document/locate.ts'
import type { Path } from '../document/pointer.ts'
import { entries, items, reportAt, type CheckContext } from '../checks/check-context.ts'

/** Checks that a fragment declares and reaches only what its `include` item says that it owns. */
export function checkFragments(context: CheckContext): void {
  if (context.loadContext.fragments.size === 0) return
  for (const block of ['auth', 'roles', 'keys', 'proxies'] as const) {
    for (const name of Object.keys(context.config[block] ?? {})) {
      const file = fileOf(context, [block, name])
      const scope = file === undefined ? undefined : context.loadContext.fragments.get(file)?.scope
      if (file === undefined || scope === undefined) continue
      const owned: Owned = { block, name, file, scope }
      checkName(context, owned)
      checkReach(context, owned)
      checkRoles(context, owned)
      checkProxy(context, owned)
      checkFragmentReferences(context, owned)
    }
  }
}

/** The file that declares a named entry; undefined where it is not declared. */
function fileOf(context: CheckContext, path: Path): string | undefined {
  const { entry, exact } = find(context.loadContext, context.config, path)
  return exact ? entry?.source.file : undefined
}

function checkName(context: CheckContext, { block, name, scope }: Owned): void {
  if (scope.owns(name)) return
  const message = `this fragment does not own the name \`${name}\`; choose one that \`owns\` of its \`include\` item matches`
  reportAt(context, 'GH1018', [block, name], message, { part: 'key' })
}

function checkReach(context: CheckContext, { block, name, scope }: Owned): void {
  if (block !== 'roles') return
  for (const [proxy] of entries(context.config.roles?.[name]?.access)) {
    if (proxy !== '*' && scope.owns(proxy)) continue
    const what = proxy === '*' ? 'every proxy' : `the proxy \`${proxy}\``
    const message = `a role of this fragment grants nothing on ${what}; name proxies that the fragment owns`
    reportAt(context, 'GH1019', ['roles', name, 'access', proxy], message, { part: 'key' })
  }
}

/** The roles that a key or an auth method gives, with their places. */
function rolesGiven({ config }: CheckContext, { block, name }: Owned): [Path, string][] {
  if (block === 'keys') {
    const roles = items(config.keys?.[name]?.roles)
    return roles.map(([index, role]) => [['keys', name, 'roles', index], role])
  }
  const method = block === 'auth' ? config.auth?.[name] : undefined
  if (method === undefined || !('grants' in method)) return []
  return items(method.grants as readonly { roles?: readonly string[] }[]).flatMap(([at, { roles }]) =>
    items(roles).map(([index, role]): [Path, string] => [['auth', name, 'grants', at, 'roles', index], role]),
  )
}

function checkRoles(context: CheckContext, owned: Owned): void {
  for (const [path, role] of rolesGiven(context, owned)) {
    const file = fileOf(context, ['roles', role])
    // What nobody declares is reported already.
    if (file === undefined || file === owned.file) continue
    if (context.loadContext.fragments.get(file)?.scope === undefined && owned.scope.givesRole(role)) continue
    const message = `this fragment must not give the role \`${role}\`, which is not its own; declare a role here, or let the main file allow it under \`roles\` of the \`include\` item`
    reportAt(context, 'GH1020', path, message)
  }
}

function checkProxy(context: CheckContext, { block, name, file, scope }: Owned): void {
  if (block !== 'proxies') return
  const { auth, path } = context.config.proxies?.[name] ?? {}
  if (Array.isArray(auth)) {
    for (const [index, method] of items(auth as readonly string[])) {
      const declared = fileOf(context, ['auth', method])
      if (
        declared === undefined ||
        declared === file ||
        context.loadContext.fragments.get(declared)?.scope === undefined
      )
        continue
      const message = `\`${method}\` belongs to another fragment; use an auth method of this file or of the main file`
      reportAt(context, 'GH1021', ['proxies', name, 'auth', index], message)
    }
  }
  const [, first = ''] = path?.split('/') ?? []
  if (path === undefined || scope.owns(first)) return
  const message = `this path does not begin with a name that the fragment owns; write \`/${name}/mcp\`, or leave it out`
  reportAt(context, 'GH1018', ['proxies', name, 'path'], message)
}
