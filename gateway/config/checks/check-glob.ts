import { whyMalformed } from '../../values/formats.ts'
import { quote, quoteValue, type Part } from '../document/locate.ts'
import type { Path } from '../document/pointer.ts'
import { reportAt, type CheckContext } from './check-context.ts'

/** Reports a pattern that is malformed. */
export function checkGlob(context: CheckContext, pattern: string, path: Path, part: Part = 'value'): void {
  const why = whyMalformed('glob', pattern)
  if (why === undefined) return
  const shown = part === 'key' ? quote(pattern) : quoteValue(context.loadContext, context.config, path)
  reportAt(context, 'GH1306', path, { message: `${shown} is ${why.message}`, help: why.help, part })
}
