import { createHash, timingSafeEqual } from 'node:crypto'
import type { Config } from '../../schema/config.ts'
import { secretWindow, stateAt, type State, type Window } from '../config/window.ts'
import { parseFingerprint } from '../config/fingerprint.ts'
import type { ClientCertificate } from './certificate.ts'
import { hasGoodChecksum, looksLikeKey } from './key.ts'
import type { Principal } from './principal.ts'
import type { Trust } from './trust.ts'

/** What a presented secret turned out to be. */
export type Verdict =
  | { readonly outcome: State | 'unbound'; readonly principal: Principal }
  | { readonly outcome: 'unknown' }

/** The keys of one snapshot. */
export interface Keyring {
  /**
   * Judges a secret as the client presented it, at an instant in milliseconds since the epoch.
   *
   * @param presented asked for the certificate of the connection where the key is bound to one
   */
  verify(secret: string, now: number, presented: () => ClientCertificate | undefined): Verdict
  /** Judges again, later, a principal that a keyring accepted before. */
  review(principal: Principal, now: number): Verdict
}

interface Entry {
  readonly digest: Buffer
  readonly principal: Principal
  readonly window: Window
  readonly disabled: boolean
  /** SHA-256 of the certificate that it is bound to. */
  readonly binding: Buffer | undefined
}

/**
 * Indexes the keys of a checked configuration by the digest of their secrets.
 *
 * @param trust who vouches for the certificates that keys are bound to
 */
export function createKeyring(keys: Config['keys'], trust: Trust | undefined): Keyring {
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
        binding:
          key.certificate === undefined ? undefined : Buffer.from(parseFingerprint(key.certificate), 'hex'),
      })
    }
  }
  return {
    verify(secret, now, presented) {
      if (secret === '') return { outcome: 'unknown' }
      // A mistyped key of ours is told by its checksum, before any look-up.
      if (looksLikeKey(secret) && !hasGoodChecksum(secret)) return { outcome: 'unknown' }
      const digest = createHash('sha256').update(secret).digest()
      const entry = entries.get(digest.toString('hex'))
      if (entry === undefined || !timingSafeEqual(entry.digest, digest)) return { outcome: 'unknown' }
      return bound(entry, judge(entry, now), entry.binding && presented(), trust, now)
    },
    review(principal, now) {
      const entry = entries.get(principal.digest ?? '')
      return entry === undefined || entry.principal.name !== principal.name
        ? { outcome: 'unknown' }
        : bound(entry, judge(entry, now), principal.certificate, trust, now)
    },
  }
}

function judge({ principal, window, disabled }: Entry, now: number): Verdict {
  return { outcome: stateAt(window, disabled, now), principal }
}

/** A key that is bound to a certificate is worth nothing without it, or once the certificate is not good. */
function bound(
  { binding, principal }: Entry,
  verdict: Verdict,
  presented: ClientCertificate | undefined,
  trust: Trust | undefined,
  now: number,
): Verdict {
  if (binding === undefined || verdict.outcome !== 'valid') return verdict
  if (
    presented === undefined ||
    presented.refused !== undefined ||
    !timingSafeEqual(binding, Buffer.from(presented.digest, 'hex')) ||
    trust === undefined ||
    trust.problemOf(presented, now) !== undefined
  ) {
    return { outcome: 'unbound', principal }
  }
  const expires = Math.min(principal.expires, presented.notAfter)
  return { outcome: 'valid', principal: { ...principal, expires, certificate: presented } }
}
