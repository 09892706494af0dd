import { createHash, timingSafeEqual } from 'node:crypto'
import type { Config } from '../../schema/config.ts'
import { secretWindow, stateAt, type State, type Window } from '../config/window.ts'
import { hasGoodChecksum, looksLikeKey } from './key.ts'
import type { Principal } from './principal.ts'

/** What a presented secret turned out to be. */
export type Verdict =
  | { readonly outcome: State; readonly principal: Principal }
  | { readonly outcome: 'unknown' }

/** The keys of one snapshot. */
export interface Keyring {
  /** Judges a secret as the client presented it, at an instant in milliseconds since the epoch. */
  verify(secret: string, now: number): Verdict
  /** Judges again, later, a principal that a keyring accepted before. */
  review(principal: Principal, now: number): Verdict
}

interface Entry {
  readonly digest: Buffer
  readonly principal: Principal
  readonly window: Window
  readonly disabled: boolean
}

/** Indexes the keys of a checked configuration by the digest of their secrets. */
export function createKeyring(keys: Config['keys']): Keyring {
  const entries = new Map<string, Entry>()
  for (const [name, key] of Object.entries(keys)) {
    for (const secret of key.secrets) {
      const digest = secret.hash.slice('sha256:'.length)
      const window = secretWindow(key, secret)
      entries.set(digest, {
        digest: Buffer.from(digest, 'hex'),
        principal: {
          kind: 'key',
          name,
          roles: key.roles,
          grantedBy: `/keys/${name}/roles`,
          expires: window.ends,
          digest,
        },
        window,
        disabled: key.disabled,
      })
    }
  }
  return {
    verify(secret, now) {
      if (secret === '') return { outcome: 'unknown' }
      // A mistyped key of ours is told by its checksum, before any look-up.
      if (looksLikeKey(secret) && !hasGoodChecksum(secret)) return { outcome: 'unknown' }
      const digest = createHash('sha256').update(secret).digest()
      const entry = entries.get(digest.toString('hex'))
      if (entry === undefined || !timingSafeEqual(entry.digest, digest)) return { outcome: 'unknown' }
      return judge(entry, now)
    },
    review(principal, now) {
      const entry = entries.get(principal.digest ?? '')
      return entry === undefined || entry.principal.name !== principal.name
        ? { outcome: 'unknown' }
        : judge(entry, now)
    },
  }
}

function judge({ principal, window, disabled }: Entry, now: number): Verdict {
  return { outcome: stateAt(window, disabled, now), principal }
}
