import { matchGlob, parseGlob } from '../../values/glob.ts'
import type { WholeContext } from './whole-context.ts'
import { isOpaque } from '../document/locate.ts'
import { methodNames } from '../../values/method-names.ts'
import type { Path } from '../document/pointer.ts'
import { reportAt } from '../checks/check-context.ts'

const namespaces: ReadonlySet<string> = new Set(methodNames.map(name => name.split('/', 1)[0]!))

/** Rules about methods say what they do: one that lets unknown methods pass, and a deny that no method matches. */
export function lintMethodRules(context: WholeContext): void {
  const { roles, proxies } = context.config
  for (const [role, { access }] of Object.entries(roles)) {
    for (const [proxy, { methods }] of Object.entries(access))
      lintRules(context, ['roles', role, 'access', proxy, 'methods'], methods)
  }
  for (const [proxy, { methods }] of Object.entries(proxies))
    lintRules(context, ['proxies', proxy, 'methods'], methods)
}

interface MethodRules {
  readonly allow?: readonly string[]
  readonly deny: readonly string[]
}

function lintRules(context: WholeContext, path: Path, rules: MethodRules | undefined): void {
  const judge = (list: 'allow' | 'deny', fits: (pattern: string) => boolean, message: string): void => {
    for (const [index, pattern] of (rules?.[list] ?? []).entries()) {
      const at = [...path, list, index]
      if (isOpaque(context.loadContext, context.config, at) || fits(pattern)) continue
      reportAt(context, list === 'allow' ? 'GH2020' : 'GH2021', at, message)
    }
  }
  judge(
    'allow',
    pattern => namespaces.has(pattern.split('/', 1)[0]!) && isKnown(pattern),
    'this lets methods pass that Gatehouse does not know: what they name and return is not judged. Name methods of MCP, or those that the upstream is trusted with',
  )
  judge('deny', isKnown, 'no method of MCP matches this pattern, so that it denies nothing; correct it')
}

function isKnown(pattern: string): boolean {
  const glob = parseGlob(pattern)
  return methodNames.some(name => matchGlob(glob, name))
}
