import { checkFragmentReferences, type Owned } from './check-fragment-references.ts'
import { findEntry } from '../document/locate.ts'
import { fragmentBlocks } from '../schema/schema.ts'
import type { Path } from '../document/pointer.ts'
import { entries, items, reportAt, type CheckContext } from '../checks/check-context.ts'

/** Checks that a fragment declares and refers to only what its `include` item allows. */
export function checkFragments(context: CheckContext): void {
  if (context.loadContext.fragments.size === 0) return
  for (const block of fragmentBlocks()) {
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

/** Returns the file that declares a named entry; undefined for an entry that is not declared. */
function fileOf(context: CheckContext, path: Path): string | undefined {
  const { entry, exact } = findEntry(context.loadContext, context.config, path)
  return exact ? entry?.source.file : undefined
}

function checkName(context: CheckContext, { block, name, scope }: Owned): void {
  if (scope.owns(name)) return
  reportAt(context, 'GH1018', [block, name], {
    message: `this fragment does not own the name \`${name}\``,
    help: 'choose a name that `owns` of its `include` item matches',
    part: 'key',
  })
}

function checkReach(context: CheckContext, { block, name, scope }: Owned): void {
  if (block !== 'roles') return
  for (const [proxy] of entries(context.config.roles?.[name]?.access)) {
    if (proxy !== '*' && scope.owns(proxy)) continue
    const target = proxy === '*' ? 'every proxy' : `the proxy \`${proxy}\``
    reportAt(context, 'GH1019', ['roles', name, 'access', proxy], {
      message: `a role of this fragment must not grant access to ${target}`,
      help: 'name proxies that the fragment owns',
      part: 'key',
    })
  }
}

/** Returns the roles that a key or an auth method gives, with their places. */
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
    // An unknown role is reported already.
    if (file === undefined || file === owned.file) continue
    if (context.loadContext.fragments.get(file)?.scope === undefined && owned.scope.givesRole(role)) continue
    reportAt(context, 'GH1020', path, {
      message: `this fragment must not give the role \`${role}\`, which is not its own`,
      help: 'declare a role in this file, or allow the role under `roles` of the `include` item',
    })
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
      reportAt(context, 'GH1021', ['proxies', name, 'auth', index], {
        message: `\`${method}\` belongs to another fragment`,
        help: 'use an auth method of this file or of the main file',
      })
    }
  }
  const [, first = ''] = path?.split('/') ?? []
  if (path === undefined || scope.owns(first)) return
  reportAt(context, 'GH1018', ['proxies', name, 'path'], {
    message: 'this path does not begin with a name that the fragment owns',
    help: `write \`/${name}/mcp\`, or remove \`path\``,
  })
}
