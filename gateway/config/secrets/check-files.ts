import { dirname, resolve } from 'node:path'
import { findEntry, isSkipped, quoteValue } from '../document/locate.ts'
import { isSystemPath, isWithin } from '../document/real-path.ts'
import { secretReferences } from './secret-references.ts'
import { reportAndSkip, type CheckContext } from '../checks/check-context.ts'

/**
 * Checks the paths of referenced files before anything reads them. No file may be in /proc, /sys or /dev. A fragment
 * without a scope may only refer to files in the folder of the main file.
 */
export function checkFiles(context: CheckContext): void {
  const { loadContext, config } = context
  const mainFolder = dirname([...loadContext.files.paths][0] ?? '/')
  for (const [at, reference] of secretReferences(context)) {
    const { env, file } = reference
    const path = [...at, 'file']
    if (env !== undefined || file === undefined || isSkipped(loadContext, config, path)) continue
    const source = findEntry(loadContext, config, path).entry?.source.file ?? '/'
    const absolute = resolve(dirname(source), file)
    const quoted = quoteValue(loadContext, config, path)
    const fragment = loadContext.fragments.get(source)
    if (isSystemPath(absolute)) {
      const help = 'name a file of your own, or write `{env: NAME}`'
      reportAndSkip(
        context,
        'GH1026',
        path,
        { message: `${quoted} leads to /proc, /sys or /dev`, help },
        reference,
      )
    } else if (fragment !== undefined && fragment.scope === undefined && !isWithin(mainFolder, absolute)) {
      const message = `${quoted} is outside the folder of the main file`
      const help = 'move it there, or allow it under `files` of the `include` item'
      reportAndSkip(context, 'GH1027', path, { message, help }, reference)
    }
  }
}
