import { MalformedError } from '../../values/malformed.ts'
import { parseProxyUrl } from '../../values/proxy-url.ts'
import { findEntry } from '../document/locate.ts'
import type { Path } from '../document/pointer.ts'
import { reportAt, type CheckContext } from '../checks/check-context.ts'

/**
 * Checks the URL of a forward proxy, which is the content of a secret. A fragment may name only a proxy on a host that its
 * `include` item allows: the gateway connects to it.
 */
export function checkProxyUrl(context: CheckContext, path: Path, text: string): void {
  const { loadContext, config } = context
  try {
    const { origin } = parseProxyUrl(text)
    const file = findEntry(loadContext, config, path).entry?.source.file ?? ''
    const scope = loadContext.fragments.get(file)?.scope
    if (scope === undefined || scope.reaches(new URL(origin))) return
    reportAt(context, 'GH1024', path, {
      message: 'this fragment must not reach the host of this proxy',
      help: 'allow it under `hosts` of the `include` item in the main file',
    })
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error
    const { message, help } = error
    reportAt(context, 'GH1110', path, { message: `this secret is ${message}`, help })
  }
}
