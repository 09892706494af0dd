import type { WholeContext } from './whole-context.ts'
import { reportAt } from '../checks/check-context.ts'

/** With several fragments, each is held to its own names. */
export function lintFragments(context: WholeContext): void {
  const { fragments } = context.loadContext
  if (fragments.size < 2) return
  const unlimited = [...fragments.values()].filter(({ scope }) => scope === undefined)
  for (const item of new Set(unlimited.map(one => one.item))) {
    const message =
      'whoever may edit this fragment may change what every other one declares; write `{path: …, owns: [NAMES]}`, with `env`, `files` and `hosts` for what it needs'
    reportAt(context, 'GH2025', ['include', item], message)
  }
}
