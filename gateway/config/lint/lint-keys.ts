import type { WholeContext } from './whole-context.ts'
import type { Path } from '../document/pointer.ts'
import { reportAt } from '../checks/check-context.ts'
import { secretWindow } from '../../values/window.ts'

const dayMs = 86_400_000
const maxOverlapMs = 30 * dayMs

/** Warns of keys that never expire, neither themselves nor with their last secret. */
export function lintExpiry(context: WholeContext): void {
  for (const [name, { expires, disabled, secrets }] of Object.entries(context.config.keys)) {
    if (disabled || expires !== undefined || secrets.every(secret => secret.expires !== undefined)) continue
    reportAt(context, 'GH1420', ['keys', name], {
      message: 'this key never expires, so a leaked secret stays valid',
      help: 'set `expires`, at most a year ahead',
      part: 'key',
    })
  }
}

/** Warns of secrets of one key that overlap for longer than a rotation takes. */
export function lintOverlaps(context: WholeContext): void {
  const now = context.loadContext.options.now.getTime()
  for (const [name, key] of Object.entries(context.config.keys)) {
    if (key.disabled || key.secrets.length < 2) continue
    // Set if a bound depends on a missing variable.
    let unset = false
    const secrets = key.secrets.map((secret, index) => {
      const { begins, ends } = secretWindow(key, secret, () => (unset = true))
      const path: Path = ['keys', name, 'secrets', index]
      return { begins, ends, path }
    })
    if (unset) continue
    const last = secrets.reduce((a, b) => (b.ends >= a.ends ? b : a))
    for (const { begins, ends, path } of secrets) {
      const overlap = ends - Math.max(begins, last.begins, now)
      if (path === last.path || overlap <= maxOverlapMs) continue
      const time = overlap === Infinity ? 'forever' : `for ${Math.floor(overlap / dayMs)} days`
      reportAt(context, 'GH2001', path, {
        message: `this secret and another one of its key are both valid ${time}`,
        help: 'set `expires` on the older one, or give each client its own key',
        related: [{ path: last.path, message: 'the other one' }],
      })
    }
  }
}
