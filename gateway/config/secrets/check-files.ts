import { dirname, resolve } from 'node:path'
import type { DiagnosticCode } from '../document/diagnostics.ts'
import { find, isOpaque, written } from '../document/locate.ts'
import type { Path } from '../document/pointer.ts'
import { isSystemPath, isWithin } from '../document/real-path.ts'
import { secretReferences } from './secret-references.ts'
import { reportAt, type CheckContext } from '../checks/check-context.ts'

/**
 * Checks where the files of references are, before anything reads them: never what the system says of processes, and
 * for a fragment nothing outside the folder of the main file, unless the main file says which files it may refer to.
 */
export function checkFiles(context: CheckContext): void {
  const { loadContext, config } = context
  const mainFolder = dirname([...loadContext.files.paths][0] ?? '/')
  for (const [at, reference] of secretReferences(context)) {
    const { env, file } = reference
    const path = [...at, 'file']
    if (env !== undefined || file === undefined || isOpaque(loadContext, config, path)) continue
    const source = find(loadContext, config, path).entry?.source.file ?? '/'
    const absolute = resolve(dirname(source), file)
    const wrote = written(loadContext, config, path)
    const fragment = loadContext.fragments.get(source)
    if (isSystemPath(absolute)) {
      const message = `${wrote} leads to /proc, /sys or /dev, where there are no secrets of yours; name a file that you keep, or \`{env: NAME}\``
      refuse(context, 'GH1026', path, message, reference)
    } else if (fragment !== undefined && fragment.scope === undefined && !isWithin(mainFolder, absolute)) {
      const message = `${wrote} is outside the folder of the main file; keep it in that folder, or let the main file allow it under \`files\` of the \`include\` item`
      refuse(context, 'GH1027', path, message, reference)
    }
  }
}

/** Keeps what is refused from being read. */
function refuse(
  context: CheckContext,
  code: DiagnosticCode,
  path: Path,
  message: string,
  holder: object,
): void {
  reportAt(context, code, path, message)
  const { opaque } = context.loadContext
  opaque.set(holder, (opaque.get(holder) ?? new Set()).add(String(path.at(-1))))
}
