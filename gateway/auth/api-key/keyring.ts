import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { Config, Key, KeySecret } from '../../../schema/config.ts'
import { secretWindow, stateAt, windowOf, type State, type Window } from '../../values/window.ts'
import { isArgon2 } from '../../values/argon2.ts'
import { parseFingerprint } from '../../values/fingerprint.ts'
import type { ClientCertificate } from '../certificate.ts'
import { hasGoodChecksum, hashSecret, isPeppered, looksLikeKey } from './key.ts'
import type { Principal } from '../principal.ts'
import type { SlowSearch } from './slow-hashes.ts'
import type { Trust } from '../trust.ts'

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
   * @param address where it came from
   * @returns a promise only where the secret has to be tried against `argon2id:` hashes
   * @throws Refusal, or rejects with one: `overloaded` where there is no room for that
   */
  verify(
    secret: string,
    now: number,
    presented: () => ClientCertificate | undefined,
    address: string,
  ): Verdict | Promise<Verdict>
  /** Judges again, later, a principal that a keyring accepted before. */
  review(principal: Principal, now: number): Verdict
}

/** A keyring that is being filled. */
export interface NewKeyring extends Keyring {
  add(keys: Config['keys']): void
}

interface Entry {
  readonly hash: Buffer
  readonly principal: Principal
  readonly window: Window
  readonly disabled: boolean
  /** SHA-256 of the certificate that it is bound to. */
  readonly binding: Buffer | undefined
  /** A secret in the form of ours has the right checksum; undefined until it was presented. */
  sound?: boolean
}

/**
 * Makes a keyring without keys. What is added is indexed by the hashes of its secrets.
 *
 * @param trust who vouches for the certificates that keys are bound to
 * @param pepper what `hmac-sha256:` hashes are made with; undefined where there is none, and then no secret fits them
 * @param search finds which of the `argon2id:` hashes is of a secret; without it none is
 */
export function createKeyring(
  trust: Trust | undefined,
  pepper?: string | undefined,
  search?: SlowSearch,
): NewKeyring {
  const entries = new Map<string, Entry>()
  const byDigest = new Map<string, Entry>()
  const find = (hash: string): Entry | undefined => {
    const entry = entries.get(hash)
    return entry !== undefined && isSame(entry.hash, hash) ? entry : undefined
  }
  return {
    add(keys) {
      for (const [name, key] of Object.entries(keys)) {
        const digests = key.secrets.map(({ hash }) => digestOf(hash, pepper))
        const identities = identitiesOfKey(name, key, digests)
        for (const [index, secret] of key.secrets.entries()) {
          const digest = digests[index]!
          const window = secretWindow(key, secret)
          const entry: Entry = {
            hash: Buffer.from(secret.hash),
            principal: {
              kind: 'key',
              name,
              roles: key.roles,
              grantedBy: `/keys/${name}/roles`,
              expires: window.ends,
              digest,
              secret: { hash: secret.hash, sha256: undefined },
              identities,
              ...(isOutgoing(secret, key) && { outgoing: true }),
            },
            window,
            disabled: key.disabled,
            binding:
              key.certificate === undefined
                ? undefined
                : Buffer.from(parseFingerprint(key.certificate), 'hex'),
          }
          entries.set(secret.hash, entry)
          byDigest.set(digest, entry)
        }
      }
    },
    verify(secret, now, presented, address) {
      if (secret === '') return { outcome: 'unknown' }
      const plain = hashSecret(secret)
      const judged = (entry: Entry | undefined): Verdict => {
        if (entry === undefined) return { outcome: 'unknown' }
        entry.principal.secret!.sha256 ??= plain
        return bound(entry, judge(entry, now), entry.binding && presented(), trust, now)
      }
      const entry = find(plain) ?? (pepper === undefined ? undefined : find(hashSecret(secret, pepper)))
      if (entry !== undefined) {
        // What was found by its digest is the same text every time, so its checksum is looked at once.
        entry.sound ??= !looksLikeKey(secret) || hasGoodChecksum(secret)
        return entry.sound ? judged(entry) : { outcome: 'unknown' }
      }
      // A key of ours is random, and nobody hashes it slowly.
      if (search === undefined || looksLikeKey(secret)) return { outcome: 'unknown' }
      const hash = search(secret, address)
      if (hash instanceof Promise) return hash.then(found => judged(entries.get(found ?? '')))
      return judged(entries.get(hash ?? ''))
    },
    review(principal, now) {
      const entry = byDigest.get(principal.digest ?? '')
      return entry === undefined || entry.principal.name !== principal.name
        ? { outcome: 'unknown' }
        : bound(entry, judge(entry, now), principal.certificate, trust, now)
    },
  }
}

/** Where the hash of what is presented stands while it is compared. */
let presentedHash = Buffer.alloc(0)

/** Whether two hashes of the same kind, and so of the same length, are the same. */
function isSame(known: Buffer, hash: string): boolean {
  if (presentedHash.length !== known.length) presentedHash = Buffer.alloc(known.length)
  presentedHash.write(hash, 'latin1')
  return timingSafeEqual(known, presentedHash)
}

/** What an accepted secret is known by; under another pepper the same hash is that of another secret. */
function digestOf(hash: string, pepper: string | undefined): string {
  if (isArgon2(hash)) return createHash('sha256').update(hash).digest('hex')
  return isPeppered(hash)
    ? createHmac('sha256', pepper ?? '')
        .update(hash)
        .digest('hex')
    : hash.slice('sha256:'.length)
}

/** Returns one name per secret of a key: first that of the secret that ends last, and of two such of the later in the file. */
function identitiesOfKey(name: string, { secrets }: Key, digests: readonly string[]): string[] {
  const identities = digests.map(digest => `key:/keys/${name}/roles:${name}:${digest}`)
  if (secrets.length === 1) return identities
  const ends = secrets.map(secret => windowOf(secret).ends)
  const order = [...secrets.keys()].toReversed().toSorted((a, b) => Math.sign(ends[b]! - ends[a]!) || 0)
  return order.map(index => identities[index]!)
}

/** Whether a secret ends, and another one of its key stays longer. */
function isOutgoing(secret: KeySecret, { secrets }: Key): boolean {
  const { ends } = windowOf(secret)
  return secrets.some(other => windowOf(other).ends > ends)
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
