import type { WholeContext } from './whole-context.ts'
import type { Path } from '../document/pointer.ts'
import { reportAt } from '../checks/check-context.ts'
import { secretWindow } from '../../values/window.ts'

const day = 86_400_000
const maxOverlapMs = 30 * day

/** A key ends some day, by itself or with its last secret. */
export function lintExpiry(context: WholeContext): void {
  for (const [name, { expires, disabled, secrets }] of Object.entries(context.config.keys)) {
    if (disabled || expires !== undefined || secrets.every(secret => secret.expires !== undefined)) continue
    const message =
      'this key never expires, so that a leaked secret is good forever; set `expires`, a year ahead at most'
    reportAt(context, 'GH1420', ['keys', name], message, { part: 'key' })
  }
}

/** Several secrets of one key are for the days of a rotation. */
export function lintOverlaps(context: WholeContext): void {
  const now = context.loadContext.options.now.getTime()
  for (const [name, key] of Object.entries(context.config.keys)) {
    if (key.disabled || key.secrets.length < 2) continue
    // A bound may depend on a variable that is not set here.
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
      const long = overlap === Infinity ? 'for good' : `for ${Math.floor(overlap / day)} days`
      const message = `this secret and another of its key are both accepted ${long}; set an \`expires\` by which everybody has the new one, or give each client a key of its own`
      const related = [{ path: last.path, message: 'the other one' }]
      reportAt(context, 'GH2001', path, message, { related })
    }
  }
}
