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

/** The outcome of checking a secret. */
export type Verdict =
  | { readonly outcome: State | 'unbound'; readonly principal: Principal }
  | { readonly outcome: 'unknown' }

/** The keys of one snapshot. */
export interface Keyring {
  /**
   * Checks a secret that a client presented, at an instant in milliseconds since the epoch.
   *
   * @param presented returns the certificate of the connection; called only for a key that is bound to one
   * @param address of the client
   * @returns a promise only if the secret must be tried against `argon2id:` hashes
   * @throws Refusal, or rejects with one: `overloaded` if it cannot be tried now
   */
  verify(
    secret: string,
    now: number,
    presented: () => ClientCertificate | undefined,
    address: string,
  ): Verdict | Promise<Verdict>
  /** Checks again a principal that a keyring accepted before. */
  review(principal: Principal, now: number): Verdict
}

/** A keyring to which keys are added. */
export interface NewKeyring extends Keyring {
  add(keys: Config['keys']): void
}

/** A secret of a key. */
interface Entry {
  readonly hash: Buffer
  readonly principal: Principal
  readonly window: Window
  readonly disabled: boolean
  /** SHA-256 of the certificate that the key is bound to. */
  readonly binding: Buffer | undefined
  /** Whether the checksum of a generated secret is right; undefined until the secret is presented. */
  hasGoodChecksum?: boolean
}

const unknown: Verdict = { outcome: 'unknown' }

/**
 * Creates a keyring without keys. It finds keys by the hashes of their secrets.
 *
 * @param trust verifies the certificates that keys are bound to
 * @param pepper the HMAC key of `hmac-sha256:` hashes; without it, no secret matches them
 * @param search finds the `argon2id:` hash of a secret; without it, no secret matches one
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
        for (const entry of entriesOf(name, key, pepper)) {
          entries.set(entry.principal.secret!.hash, entry)
          byDigest.set(entry.principal.digest!, entry)
        }
      }
    },
    verify(secret, now, presented, address) {
      if (secret === '') return unknown
      const plain = hashSecret(secret)
      const accept = (entry: Entry | undefined): Verdict => {
        if (entry === undefined) return unknown
        entry.principal.secret!.sha256 ??= plain
        return judge(entry, entry.binding && presented(), trust, now)
      }
      const entry = find(plain) ?? (pepper === undefined ? undefined : find(hashSecret(secret, pepper)))
      if (entry !== undefined) {
        // A digest always finds the same text, so its checksum is checked once.
        entry.hasGoodChecksum ??= !looksLikeKey(secret) || hasGoodChecksum(secret)
        return entry.hasGoodChecksum ? accept(entry) : unknown
      }
      // Generated secrets are random, and never hashed with argon2id.
      if (search === undefined || looksLikeKey(secret)) return unknown
      const hash = search(secret, address)
      if (hash instanceof Promise) return hash.then(found => accept(entries.get(found ?? '')))
      return accept(entries.get(hash ?? ''))
    },
    review(principal, now) {
      const entry = byDigest.get(principal.digest ?? '')
      return entry === undefined || entry.principal.name !== principal.name
        ? unknown
        : judge(entry, principal.certificate, trust, now)
    },
  }
}

function* entriesOf(name: string, key: Key, pepper: string | undefined): Generator<Entry> {
  const digests = key.secrets.map(({ hash }) => digestOf(hash, pepper))
  const identities = identitiesOfKey(name, key, digests)
  const { certificate } = key
  for (const [index, secret] of key.secrets.entries()) {
    const window = secretWindow(key, secret)
    yield {
      hash: Buffer.from(secret.hash),
      principal: {
        kind: 'key',
        name,
        roles: key.roles,
        grantedBy: `/keys/${name}/roles`,
        expires: window.ends,
        digest: digests[index]!,
        secret: { hash: secret.hash, sha256: undefined },
        identities,
        ...(isOutgoing(secret, key) && { outgoing: true }),
      },
      window,
      disabled: key.disabled,
      binding: certificate === undefined ? undefined : Buffer.from(parseFingerprint(certificate), 'hex'),
    }
  }
}

/** Reused for the hash of a presented secret while it is compared. */
let presentedHash = Buffer.alloc(0)

/** Compares two hashes of one kind, and so of one length, in constant time. */
function isSame(known: Buffer, hash: string): boolean {
  if (presentedHash.length !== known.length) presentedHash = Buffer.alloc(known.length)
  presentedHash.write(hash, 'latin1')
  return timingSafeEqual(known, presentedHash)
}

/** Returns the digest that identifies a secret. It includes the pepper: under another one, the same hash is another secret's. */
function digestOf(hash: string, pepper: string | undefined): string {
  if (isArgon2(hash)) return createHash('sha256').update(hash).digest('hex')
  return isPeppered(hash)
    ? createHmac('sha256', pepper ?? '')
        .update(hash)
        .digest('hex')
    : hash.slice('sha256:'.length)
}

/** Returns one name per secret of a key. The secret that expires last comes first; of two such, the later one in the file. */
function identitiesOfKey(name: string, { secrets }: Key, digests: readonly string[]): string[] {
  const identities = digests.map(digest => `key:/keys/${name}/roles:${name}:${digest}`)
  if (secrets.length === 1) return identities
  const ends = secrets.map(secret => windowOf(secret).ends)
  const order = [...secrets.keys()].toReversed().toSorted((a, b) => Math.sign(ends[b]! - ends[a]!) || 0)
  return order.map(index => identities[index]!)
}

/** Returns whether a secret expires before another one of its key. */
function isOutgoing(secret: KeySecret, { secrets }: Key): boolean {
  const { ends } = windowOf(secret)
  return secrets.some(other => windowOf(other).ends > ends)
}

/** Judges a key by its dates and, if it is bound to a certificate, by the certificate that the client presents. */
function judge(
  { binding, disabled, principal, window }: Entry,
  presented: ClientCertificate | undefined,
  trust: Trust | undefined,
  now: number,
): Verdict {
  const outcome = stateAt(window, disabled, now)
  if (binding === undefined || outcome !== 'valid') return { outcome, principal }
  if (presented === undefined || !isBoundTo(binding, presented, trust, now)) {
    return { outcome: 'unbound', principal }
  }
  const expires = Math.min(principal.expires, presented.notAfter)
  return { outcome, principal: { ...principal, expires, certificate: presented } }
}

function isBoundTo(
  binding: Buffer,
  presented: ClientCertificate,
  trust: Trust | undefined,
  now: number,
): boolean {
  return (
    presented.refused === undefined &&
    timingSafeEqual(binding, Buffer.from(presented.digest, 'hex')) &&
    trust !== undefined &&
    trust.problemOf(presented, now) === undefined
  )
}
