// Not imported by name: Node before 24.7 has no `argon2`, and the module would not load there.
import crypto from 'node:crypto'
import { MalformedError } from './malformed.ts'

/** Parameters of an `argon2id:` hash (RFC 9106 §3.1). */
export interface Argon2Hash {
  /** KiB. */
  readonly memory: number
  readonly passes: number
  readonly parallelism: number
  readonly salt: Buffer
  readonly tag: Buffer
}

const prefix = 'argon2id:'
const shape =
  /^\$argon2id\$v=19\$m=([1-9]\d{0,9}),t=([1-9]\d{0,9}),p=([1-9]\d{0,9})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/
const example = 'argon2id:$argon2id$v=19$m=19456,t=2,p=1$SALT$HASH'
const maxMemoryKib = 262_144
const maxPasses = 10
const maxParallelism = 4
/** Minimum memory in the OWASP Password Storage Cheat Sheet, by passes: 1, 2, 3, 4, and 5 or more. */
const minMemoryKib = [47_104, 19_456, 12_288, 9216, 7168]

/** Returns whether a hash in gateway.yaml is an `argon2id:` hash, which is slow to verify. */
export function isArgon2(hash: string): boolean {
  return hash.startsWith(prefix)
}

/**
 * Parses `argon2id:` and a PHC string, as `argon2 -e` and argon2-cffi print it. Each hash has only one spelling.
 *
 * @throws MalformedError also for parameters that cost the gateway too much
 */
export function parseArgon2(hash: string): Argon2Hash {
  const [, m, t, p, salt = '', tag = ''] = shape.exec(hash.slice(prefix.length)) ?? []
  if (!isArgon2(hash) || m === undefined) throw malformed(hash)
  const parsed = {
    memory: Number(m),
    passes: Number(t),
    parallelism: Number(p),
    salt: bytes(salt, 'salt', 8),
    tag: bytes(tag, 'digest', 16),
  }
  const { memory, passes, parallelism } = parsed
  if (passes > maxPasses) {
    throw new MalformedError('a hash with t too large', `make the hash with t=${maxPasses} or less`)
  }
  if (parallelism > maxParallelism) {
    throw new MalformedError('a hash with p too large', `make the hash with p=${maxParallelism} or less`)
  }
  if (memory > maxMemoryKib || memory < 8 * parallelism) {
    throw new MalformedError(
      'a hash with m out of range',
      `make the hash with m, in KiB, from ${8 * parallelism} (8 × p) to ${maxMemoryKib} (256 MiB)`,
    )
  }
  return parsed
}

/** Returns whether a hash is cheaper to verify than the OWASP Password Storage Cheat Sheet asks for. */
export function isWeak({ memory, passes }: Argon2Hash): boolean {
  return memory < minMemoryKib[Math.min(passes, minMemoryKib.length) - 1]!
}

/** Returns the cost of one verification: KiB of memory, times passes over it. */
export function costOf({ memory, passes }: Argon2Hash): number {
  return memory * passes
}

/** Returns the text for gateway.yaml; see parseArgon2. */
export function writeArgon2({ memory, passes, parallelism, salt, tag }: Argon2Hash): string {
  return `${prefix}$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${unpadded(salt)}$${unpadded(tag)}`
}

/** Returns whether this Node can compute Argon2: it is 24.7 or later, and built with OpenSSL 3.2 or later. */
export function hasArgon2(): boolean {
  const smallest = {
    message: '',
    nonce: Buffer.alloc(8),
    parallelism: 1,
    tagLength: 16,
    memory: 8,
    passes: 1,
  }
  try {
    return crypto.argon2Sync('argon2id', smallest).length === smallest.tagLength
  } catch {
    return false
  }
}

function malformed(hash: string): MalformedError {
  if (hash.startsWith('$argon2id$')) {
    return new MalformedError('an argon2id hash without its prefix', 'write `argon2id:` in front of the hash')
  }
  const [, variant] = /^(?:argon2id:)?\$(argon2(?:d|i)?)\$/.exec(hash) ?? []
  if (variant !== undefined) {
    return new MalformedError(`an ${variant} hash`, 'make an argon2id hash: `gatehouse keys hash --argon2id`')
  }
  if (/^argon2id:\$argon2id\$(?!v=19\$)/.test(hash)) {
    return new MalformedError(
      'a hash without `v=19`',
      'write the version after `$argon2id`: `$argon2id$v=19$…`',
    )
  }
  return new MalformedError(
    'not a valid argon2id hash',
    `write m, t and p only, and base64 without padding: \`${example}\`, as \`gatehouse keys hash --argon2id\` prints it`,
  )
}

function bytes(text: string, what: string, min: number): Buffer {
  const decoded = Buffer.from(text, 'base64')
  if (unpadded(decoded) !== text)
    throw new MalformedError(`a hash with an incomplete ${what}`, 'copy the whole hash')
  if (decoded.length < min || decoded.length > 64) {
    throw new MalformedError(
      `a hash with a ${what} of ${decoded.length} bytes`,
      `make the hash with a ${what} of ${min} to 64 bytes`,
    )
  }
  return decoded
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replace(/={1,2}$/, '')
}
