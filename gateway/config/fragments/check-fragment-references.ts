import { dirname, resolve } from 'node:path'
import type { FragmentScope } from '../document/fragment-scope.ts'
import type { Explanation } from '../document/diagnostics.ts'
import type { FragmentBlock } from '../schema/schema.ts'
import { findEntry, quoteValue } from '../document/locate.ts'
import { report } from '../document/load-context.ts'
import type { Path } from '../document/pointer.ts'
import { entries, reportAndSkip, reportAt, type CheckContext } from '../checks/check-context.ts'

/** A named entry that a fragment with a scope declares. */
export interface Owned {
  readonly block: FragmentBlock
  readonly name: string
  readonly file: string
  readonly scope: FragmentScope
}

/** Fields with a URL that the gateway connects to. */
const urlFields: ReadonlySet<string> = new Set(['url', 'tokenUrl', 'issuer'])

/** Checks the secrets, files and hosts that an entry of a fragment refers to. */
export function checkFragmentReferences(context: CheckContext, owned: Owned): void {
  const { block, name, scope } = owned
  walk(context.config[block]?.[name], [block, name], (value, path, holder) => {
    if (typeof value !== 'string') return
    const field = path.at(-1)
    if (field === 'env') checkVariable(context, path, value, scope, holder)
    else if (field === 'file') checkFile(context, path, value, scope, holder)
    else if (typeof field === 'string' && urlFields.has(field)) checkHost(context, path, value, scope)
  })
  if (block === 'auth') checkIntrospection(context, name)
  if (block === 'proxies') checkExchange(context, name)
}

/** Checks every `${NAME}` in the text of the fragments, wherever it is. */
export function checkFragmentVariables({ loadContext }: CheckContext): void {
  for (const { file, name, span } of loadContext.variables) {
    const scope = loadContext.fragments.get(file)?.scope
    if (scope === undefined || scope.refersTo(name)) continue
    report(loadContext, 'GH1022', span, explainVariable(name))
  }
}

type Visit = (value: unknown, path: Path, holder: object) => void

function walk(value: unknown, path: Path, visit: Visit): void {
  if (typeof value !== 'object' || value === null) return
  for (const [name, item] of Object.entries(value)) {
    const at = [...path, Array.isArray(value) ? Number(name) : name]
    if (typeof item === 'object') walk(item, at, visit)
    else visit(item, at, value)
  }
}

function explainVariable(name: string): Explanation {
  return {
    message: `this fragment must not use the environment variable \`${name}\``,
    help: 'allow it under `env` of the `include` item in the main file',
  }
}

function checkVariable(
  context: CheckContext,
  path: Path,
  name: string,
  scope: FragmentScope,
  holder: object,
): void {
  if (!scope.refersTo(name)) reportAndSkip(context, 'GH1022', path, explainVariable(name), holder)
}

function checkFile(
  context: CheckContext,
  path: Path,
  file: string,
  scope: FragmentScope,
  holder: object,
): void {
  const folder = dirname(findEntry(context.loadContext, context.config, path).entry?.source.file ?? '/')
  if (scope.reads(resolve(folder, file))) return
  const help = 'allow it under `files` of the `include` item in the main file'
  reportAndSkip(context, 'GH1023', path, { message: 'this fragment must not use this file', help }, holder)
}

function checkHost(context: CheckContext, path: Path, text: string, scope: FragmentScope): void {
  const url = URL.parse(text)
  if (url !== null && scope.reaches(url)) return
  reportAt(context, 'GH1024', path, {
    message: `this fragment must not reach the host of ${quoteValue(context.loadContext, context.config, path)}`,
    help: 'allow it under `hosts` of the `include` item in the main file',
  })
}

/** Help for an endpoint that receives the tokens of callers. */
const trustedEndpoint =
  'move it to the main file, or use an endpoint of an issuer that an auth method of the main file names'

/** Returns the issuers that auth methods of the main file name, as text and as origins. */
function trustedIssuers({ loadContext, config }: CheckContext): { texts: Set<string>; origins: Set<string> } {
  const issuers = entries(config.auth).flatMap(([name, method]) => {
    const file = findEntry(loadContext, config, ['auth', name]).entry?.source.file ?? ''
    return loadContext.fragments.get(file)?.scope !== undefined ||
      !('issuer' in method) ||
      method.issuer === undefined
      ? []
      : [method.issuer]
  })
  return {
    texts: new Set(issuers),
    origins: new Set(issuers.flatMap(issuer => URL.parse(issuer)?.origin ?? [])),
  }
}

function checkIntrospection(context: CheckContext, name: string): void {
  const method = context.config.auth?.[name]
  if (method === undefined || !('introspection' in method) || method.introspection === undefined) return
  const { texts, origins } = trustedIssuers(context)
  const { url } = method.introspection
  const isTrusted =
    texts.has(method.issuer ?? '') && (url === undefined || origins.has(URL.parse(url)?.origin ?? ''))
  if (isTrusted) return
  const path = ['auth', name, 'introspection', ...(url === undefined ? [] : ['url'])]
  reportAt(context, 'GH1025', path, {
    message: 'this fragment must not name an introspection endpoint, which receives tokens of callers',
    help: trustedEndpoint,
    part: url === undefined ? 'key' : 'value',
  })
}

function checkExchange(context: CheckContext, name: string): void {
  const auth = context.config.proxies?.[name]?.upstream?.auth
  if (auth?.type !== 'token-exchange') return
  const { origins } = trustedIssuers(context)
  const { tokenUrl } = auth
  if (tokenUrl !== undefined && origins.has(URL.parse(tokenUrl)?.origin ?? '')) return
  const path = ['proxies', name, 'upstream', 'auth', ...(tokenUrl === undefined ? [] : ['tokenUrl'])]
  reportAt(context, 'GH1025', path, {
    message: 'this fragment must not name a token exchange endpoint, which receives tokens of callers',
    help: trustedEndpoint,
    part: tokenUrl === undefined ? 'key' : 'value',
  })
}
