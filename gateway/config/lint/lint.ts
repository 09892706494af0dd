import { lintGrants, lintMethods } from './lint-auth.ts'
import { lintListeners, lintProxies, lintSessions } from './lint-exposure.ts'
import { lintExpiry, lintOverlaps } from './lint-keys.ts'
import { lintFragments } from './lint-fragments.ts'
import { lintMethodRules } from './lint-methods.ts'
import { lintRules, lintUnusedRoles } from './lint-roles.ts'
import { lintCallers, lintDenyOnly } from './lint-callers.ts'
import { lintUpstreams } from './lint-upstreams.ts'
import type { WholeContext } from './whole-context.ts'
import type { CheckContext } from '../checks/check-context.ts'

const advice = [
  lintOverlaps,
  lintUnusedRoles,
  lintRules,
  lintGrants,
  lintMethods,
  lintMethodRules,
  lintFragments,
  lintListeners,
  lintSessions,
  lintProxies,
  lintUpstreams,
]

/**
 * Adds advice on a configuration without errors, as far as `review` asks for it.
 *
 * @param textOf returns the secret of a reference; undefined if it is absent
 */
export function lint(context: CheckContext, textOf: WholeContext['textOf']): void {
  const { counts, options } = context.loadContext
  if (options.review === undefined || counts.error > 0) return
  const whole = { ...context, textOf } as WholeContext
  lintExpiry(whole)
  lintCallers(whole)
  lintDenyOnly(whole)
  if (options.review === 'lint') for (const advise of advice) advise(whole)
}
