import type { Config } from '../../schema/config.ts'
import { grantedName, type Granted } from '../access/analysis/granted.ts'
import type { NamedKind } from '../mcp/methods.ts'
import { everyone, heldBy } from './access-changes.ts'
import { certificateCallers } from './certificate-callers.ts'
import { keyCallers } from './key-callers.ts'
import { createSide } from './side.ts'
import { tokenCallers } from './token-callers.ts'

/** Callers who may use a name on a proxy, or who may be able to: `undecided`. */
export interface Grant {
  readonly proxy: string
  readonly callers: readonly string[]
  readonly granted: Granted | 'undecided'
}

/**
 * Returns who may use a name that matches a pattern, over all names, callers and proxies.
 *
 * @param isMeant selects the proxies
 * @returns an empty list if it is proved that nobody may; undefined if there are too many combinations of grants
 */
export function grantsOf(
  config: Config,
  kind: NamedKind,
  pattern: string,
  isMeant: (proxy: string) => boolean,
  now: number,
): Grant[] | undefined {
  const side = createSide(config, now)
  const [tokens, certificates] = [tokenCallers(side, side), certificateCallers(side, side)]
  if (tokens === undefined || certificates === undefined) return undefined
  const callers = [everyone, ...keyCallers(side, side), ...tokens, ...certificates]
  return Object.keys(config.proxies)
    .filter(isMeant)
    .flatMap(proxy => {
      const isOpen = side.access(proxy)!.open
      return (isOpen ? [everyone] : callers).flatMap(caller => {
        const granted = grantedName(heldBy(caller, side, proxy), kind, pattern)
        return granted === undefined ? [] : [{ proxy, callers: caller.labels, granted }]
      })
    })
}
