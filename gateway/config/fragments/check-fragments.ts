import { checkFragmentReferences, type Owned } from './check-fragment-references.ts'
import { find } from '../document/locate.ts'
import type { Path } from '../document/pointer.ts'
import { entries, items, reportAt, type View } from '../checks/check-context.ts'

/** Checks that a fragment declares and reaches only what its `include` item says that it owns. */
export function checkFragments(view: View): void {
  if (view.loading.fragments.size === 0) return
  for (const block of ['auth', 'roles', 'keys', 'proxies'] as const) {
    for (const name of Object.keys(view.config[block] ?? {})) {
      const file = fileOf(view, [block, name])
      const scope = file === undefined ? undefined : view.loading.fragments.get(file)?.scope
      if (file === undefined || scope === undefined) continue
      const owned: Owned = { block, name, file, scope }
      checkName(view, owned)
      checkReach(view, owned)
      checkRoles(view, owned)
      checkProxy(view, owned)
      checkFragmentReferences(view, owned)
    }
  }
}

/** The file that declares a named entry; undefined where it is not declared. */
function fileOf(view: View, path: Path): string | undefined {
  const { entry, exact } = find(view.loading, view.config, path)
  return exact ? entry?.source.file : undefined
}

function checkName(view: View, { block, name, scope }: Owned): void {
  if (scope.owns(name)) return
  const message = `this fragment does not own the name \`${name}\`; choose one that \`owns\` of its \`include\` item matches`
  reportAt(view, 'GH1018', [block, name], message, { part: 'key' })
}

function checkReach(view: View, { block, name, scope }: Owned): void {
  if (block !== 'roles') return
  for (const [proxy] of entries(view.config.roles?.[name]?.access)) {
    if (proxy !== '*' && scope.owns(proxy)) continue
    const what = proxy === '*' ? 'every proxy' : `the proxy \`${proxy}\``
    const message = `a role of this fragment grants nothing on ${what}; name proxies that the fragment owns`
    reportAt(view, 'GH1019', ['roles', name, 'access', proxy], message, { part: 'key' })
  }
}

/** The roles that a key or an auth method gives, with their places. */
function rolesGiven({ config }: View, { block, name }: Owned): [Path, string][] {
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

function checkRoles(view: View, owned: Owned): void {
  for (const [path, role] of rolesGiven(view, owned)) {
    const file = fileOf(view, ['roles', role])
    // What nobody declares is reported already.
    if (file === undefined || file === owned.file) continue
    if (view.loading.fragments.get(file)?.scope === undefined && owned.scope.givesRole(role)) continue
    const message = `this fragment must not give the role \`${role}\`, which is not its own; declare a role here, or let the main file allow it under \`roles\` of the \`include\` item`
    reportAt(view, 'GH1020', path, message)
  }
}

function checkProxy(view: View, { block, name, file, scope }: Owned): void {
  if (block !== 'proxies') return
  const { auth, path } = view.config.proxies?.[name] ?? {}
  if (Array.isArray(auth)) {
    for (const [index, method] of items(auth as readonly string[])) {
      const declared = fileOf(view, ['auth', method])
      if (
        declared === undefined ||
        declared === file ||
        view.loading.fragments.get(declared)?.scope === undefined
      )
        continue
      const message = `\`${method}\` belongs to another fragment; use an auth method of this file or of the main file`
      reportAt(view, 'GH1021', ['proxies', name, 'auth', index], message)
    }
  }
  const [, first = ''] = path?.split('/') ?? []
  if (path === undefined || scope.owns(first)) return
  const message = `this path does not begin with a name that the fragment owns; write \`/${name}/mcp\`, or leave it out`
  reportAt(view, 'GH1018', ['proxies', name, 'path'], message)
}
