// Not by name: Node before 24.7 has no `argon2`, and a module that imports it by name would not load there at all.
import crypto from 'node:crypto'
import { MalformedError } from './malformed.ts'

/** What an `argon2id:` hash says (RFC 9106 §3.1). */
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
/** KiB that the OWASP Password Storage Cheat Sheet asks for at least, by passes: 1, 2, 3, 4, and 5 or more. */
const minMemoryKib = [47_104, 19_456, 12_288, 9216, 7168]

/** Whether a hash in gateway.yaml is of the form that is slow to try. */
export function isArgon2(hash: string): boolean {
  return hash.startsWith(prefix)
}

/**
 * Takes `argon2id:` and a PHC string, as `argon2 -e` and argon2-cffi print it. One hash has one spelling only. Throws
 * MalformedError, also for parameters that cost a gateway too much.
 */
export function parseArgon2(hash: string): Argon2Hash {
  const [, m, t, p, salt = '', tag = ''] = shape.exec(hash.slice(prefix.length)) ?? []
  if (!isArgon2(hash) || m === undefined) throw new MalformedError(whyNoArgon2(hash))
  const parsed = {
    memory: Number(m),
    passes: Number(t),
    parallelism: Number(p),
    salt: bytes(salt, 'salt', 8),
    tag: bytes(tag, 'hash', 16),
  }
  const { memory, passes, parallelism } = parsed
  if (passes > maxPasses) throw new MalformedError(`t is at most ${maxPasses}`)
  if (parallelism > maxParallelism) throw new MalformedError(`p is at most ${maxParallelism}`)
  if (memory > maxMemoryKib || memory < 8 * parallelism) {
    throw new MalformedError(`m is in KiB: from ${8 * parallelism} (8 × p) to ${maxMemoryKib} (256 MiB)`)
  }
  return parsed
}

/** Whether a hash can be tried faster than the OWASP Password Storage Cheat Sheet asks for. */
export function isWeak({ memory, passes }: Argon2Hash): boolean {
  return memory < minMemoryKib[Math.min(passes, minMemoryKib.length) - 1]!
}

/** What one try costs: KiB of memory, times passes over it. */
export function costOf({ memory, passes }: Argon2Hash): number {
  return memory * passes
}

/** The text for gateway.yaml; see parseArgon2. */
export function writeArgon2({ memory, passes, parallelism, salt, tag }: Argon2Hash): string {
  return `${prefix}$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${unpadded(salt)}$${unpadded(tag)}`
}

/** Whether this Node can compute Argon2: it is of 24.7 or later, and built with OpenSSL 3.2 or later. */
export function hasArgon2(): boolean {
  const least = { message: '', nonce: Buffer.alloc(8), parallelism: 1, tagLength: 16, memory: 8, passes: 1 }
  try {
    return crypto.argon2Sync('argon2id', least).length === least.tagLength
  } catch {
    return false
  }
}

function whyNoArgon2(hash: string): string {
  if (hash.startsWith('$argon2id$')) return 'write `argon2id:` before it'
  const [, variant] = /^(?:argon2id:)?\$(argon2(?:d|i)?)\$/.exec(hash) ?? []
  if (variant !== undefined)
    return `${variant} is not accepted; make it again as argon2id, such as ${example}`
  if (/^argon2id:\$argon2id\$(?!v=19\$)/.test(hash)) return 'after $argon2id stands $v=19, the version'
  return `an argon2id: hash is ${example}, as \`gatehouse keys hash --argon2id\` prints it: m, t, p and nothing else, base64 without padding`
}

function bytes(text: string, what: string, fewest: number): Buffer {
  const decoded = Buffer.from(text, 'base64')
  if (unpadded(decoded) !== text)
    throw new MalformedError(`the ${what} is not whole: its base64 is cut short`)
  if (decoded.length < fewest || decoded.length > 64) {
    throw new MalformedError(`the ${what} has ${fewest} to 64 bytes, and here are ${decoded.length}`)
  }
  return decoded
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replace(/={1,2}$/, '')
}
