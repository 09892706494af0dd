import { whyMalformed } from '../../values/formats.ts'
import { hasVariable, quote, quoteValue, type Part } from '../document/locate.ts'
import type { Path } from '../document/pointer.ts'
import { recognizeForeign, type ForeignPattern, type Subject } from '../patterns/foreign-pattern.ts'
import { suggestGlobs } from '../patterns/suggest-globs.ts'
import { reportAt, type CheckContext } from './check-context.ts'

/** Use of a pattern. One that denies, or that asks for scopes, must not silently match nothing. */
interface PatternUse {
  readonly subject: Subject
  readonly use: 'allow' | 'deny' | 'scopes' | 'match'
  readonly part?: Part
}

const effects = {
  allow: 'allows nothing',
  deny: 'denies nothing',
  scopes: 'matches nothing',
  match: 'matches nothing',
} as const

/** Reports a pattern that is malformed, or that is written in another language, such as a regular expression. */
export function checkGlob(context: CheckContext, pattern: string, path: Path, use: PatternUse): void {
  const { subject, part = 'value' } = use
  const shown = part === 'key' ? quote(pattern) : quoteValue(context.loadContext, context.config, path)
  const why = whyMalformed('glob', pattern)
  if (why !== undefined) {
    reportAt(context, 'GH1306', path, { message: `${shown} is ${why.message}`, help: why.help, part })
    return
  }
  const foreign = recognizeForeign(pattern, subject)
  if (foreign === undefined) return
  const restricts = use.use === 'deny' || use.use === 'scopes'
  const isError = foreign.certain && restricts
  reportAt(context, isError ? 'GH1350' : 'GH1430', path, {
    message: `${shown} ${effectOf(pattern, use, foreign)}: ${foreign.why}`,
    help:
      helpFor(hasVariable(context.loadContext, context.config, path) ? undefined : pattern, use) +
      (isError ? '; put a backslash before a character that names really contain' : ''),
    part,
  })
}

function effectOf(pattern: string, { use }: PatternUse, { certain }: ForeignPattern): string {
  const effect = use === 'allow' && pattern.startsWith('!') ? 'excludes nothing' : effects[use]
  return certain || effect.startsWith('excludes') ? effect : `probably ${effect}`
}

function helpFor(pattern: string | undefined, { subject, use }: PatternUse): string {
  const globs = pattern === undefined ? [] : suggestGlobs(pattern, subject)
  if (pattern === undefined || globs.length === 0)
    return 'use only `*` and `?`, and write each pattern as an item of its own'
  const list = globs.map(glob => `\`${glob}\``)
  const last = list.pop()!
  const named = list.length === 0 ? last : `${list.join(', ')} and ${last}`
  if (!/^\s*["']?!/.test(pattern))
    return list.length === 0 ? `write ${named}` : `write ${named}, each as its own item`
  if (subject === 'header') return 'list only the headers to forward'
  return use === 'allow'
    ? `write ${named} under \`deny\``
    : use === 'deny'
      ? `write ${named} under \`allow\``
      : `write only patterns that match, such as ${named}`
}
