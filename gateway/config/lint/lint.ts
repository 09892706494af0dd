import { lintGrants, lintMethods } from './lint-auth.ts'
import { lintListeners, lintProxies } from './lint-exposure.ts'
import { lintExpiry, lintOverlaps } from './lint-keys.ts'
import { lintFragments } from './lint-fragments.ts'
import { lintMethodRules } from './lint-methods.ts'
import { lintUnreachable, lintRules, lintUnusedRoles } from './lint-roles.ts'
import type { WholeContext } from './whole-context.ts'
import type { CheckContext } from '../checks/check-context.ts'

const advice = [
  lintOverlaps,
  lintUnreachable,
  lintUnusedRoles,
  lintRules,
  lintGrants,
  lintMethods,
  lintMethodRules,
  lintFragments,
  lintListeners,
  lintProxies,
]

/** Adds advice on a configuration without errors, as far as `review` asks for it. */
export function lint(context: CheckContext): void {
  const { counts, options } = context.loadContext
  if (options.review === undefined || counts.error > 0) return
  const whole = context as WholeContext
  lintExpiry(whole)
  if (options.review === 'lint') for (const advise of advice) advise(whole)
}
