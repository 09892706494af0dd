import { isSkipped, quoteValue } from '../document/locate.ts'
import { parseSize } from '../../values/units.ts'
import { entries, reportAt, type CheckContext } from './check-context.ts'

/** Largest `maxBody`, in bytes. A body is kept in memory until it is authorized. */
const maxBodyCeiling = 64 * 2 ** 20

/** Checks that no proxy accepts bodies that could use up the memory of the gateway. */
export function checkMaxBody(context: CheckContext): void {
  for (const [name, { maxBody }] of entries(context.config.proxies)) {
    const path = ['proxies', name, 'maxBody']
    if (maxBody === undefined || isSkipped(context.loadContext, context.config, path)) continue
    if (parseSize(maxBody) <= maxBodyCeiling) continue
    const message = `${quoteValue(context.loadContext, context.config, path)} is more than 64 MiB`
    reportAt(context, 'GH1361', path, { message, help: 'write at most `64MiB`' })
  }
}
