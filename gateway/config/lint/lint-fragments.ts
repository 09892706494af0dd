import type { WholeContext } from './whole-context.ts'
import { reportAt } from '../checks/check-context.ts'

/** Warns of fragments without a scope where there are several fragments. */
export function lintFragments(context: WholeContext): void {
  const { fragments } = context.loadContext
  if (fragments.size < 2) return
  const unlimited = [...fragments.values()].filter(({ scope }) => scope === undefined)
  for (const item of new Set(unlimited.map(one => one.item))) {
    reportAt(context, 'GH2025', ['include', item], {
      message: 'this fragment may declare and refer to anything',
      help: 'limit it: `{path: …, owns: ["a-*"]}`, with the `env`, `files` and `hosts` that it needs',
    })
  }
}
