import { isOpaque } from '../document/locate.ts'
import { parseSize } from '../../values/units.ts'
import { entries, reportAt, type CheckContext } from './check-context.ts'

/** Bytes that `maxBody` may allow: a body is held in memory until it is judged. */
const maxBodyCeiling = 64 * 2 ** 20

/** Checks that no proxy takes bodies that could use up the memory of the gateway. */
export function checkMaxBody(context: CheckContext): void {
  for (const [name, { maxBody }] of entries(context.config.proxies)) {
    const path = ['proxies', name, 'maxBody']
    if (maxBody === undefined || isOpaque(context.loadContext, context.config, path)) continue
    if (parseSize(maxBody) <= maxBodyCeiling) continue
    const message = `\`${maxBody}\` is more than a body may have; write 64MiB at most`
    reportAt(context, 'GH1361', path, message)
  }
}
