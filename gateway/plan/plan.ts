import type { Config } from '../../schema/config.ts'
import { accessChanges } from './access-changes.ts'
import { risks, type Change } from './change.ts'
import { fieldChanges } from './field-changes.ts'
import { createSide } from './side.ts'

/**
 * Returns every change between two configurations, the riskiest first: what callers gain and lose over all names, and what
 * happens to every other field.
 *
 * @param now milliseconds since the epoch, for keys that have expired
 */
export function plan(before: Config, after: Config, now: number): Change[] {
  const [was, is] = [createSide(before, now), createSide(after, now)]
  const changes = [...accessChanges(was, is), ...fieldChanges(before, after)]
  return changes.toSorted((one, other) => risks.indexOf(one.risk) - risks.indexOf(other.risk))
}
