import { matchGlob, parseGlob } from '../../values/glob.ts'
import type { WholeContext } from './whole-context.ts'
import { isSkipped } from '../document/locate.ts'
import { methodNames } from '../../values/method-names.ts'
import type { Explanation } from '../document/diagnostics.ts'
import type { Path } from '../document/pointer.ts'
import { reportAt } from '../checks/check-context.ts'

const namespaces: ReadonlySet<string> = new Set(methodNames.map(name => name.split('/', 1)[0]!))

/** Warns of rules that allow unknown methods, and of denies that match no method. */
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
  const check = (
    list: 'allow' | 'deny',
    fits: (pattern: string) => boolean,
    explanation: Explanation,
  ): void => {
    for (const [index, pattern] of (rules?.[list] ?? []).entries()) {
      const at = [...path, list, index]
      if (isSkipped(context.loadContext, context.config, at) || fits(pattern)) continue
      reportAt(context, list === 'allow' ? 'GH2020' : 'GH2021', at, explanation)
    }
  }
  check('allow', pattern => namespaces.has(pattern.split('/', 1)[0]!) && isKnown(pattern), {
    message: 'this allows methods that Gatehouse does not know and cannot check',
    help: 'name methods of MCP, such as `tools/*`',
  })
  check('deny', isKnown, {
    message: 'this denies nothing: no method of MCP matches the pattern',
    help: 'fix the pattern, such as `tools/*`',
  })
}

function isKnown(pattern: string): boolean {
  const glob = parseGlob(pattern)
  return methodNames.some(name => matchGlob(glob, name))
}
