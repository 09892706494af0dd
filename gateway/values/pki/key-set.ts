import { MalformedError } from '../malformed.ts'

/** One public key of a JSON Web Key Set (RFC 7517 §4), as its issuer wrote it. */
export interface PublicJwk {
  readonly kty: string
  readonly [parameter: string]: unknown
}

const asymmetric = new Set(['RSA', 'EC', 'OKP'])
/** Members that only private and symmetric keys have (RFC 7518 §6). */
const secretMembers = ['d', 'p', 'q', 'k']
const minModulusBits = 2048
/** Larger ones take long to check with, and nobody uses them. */
const maxModulusBits = 8192
const maxExponentBits = 32
const maxKeys = 100

/**
 * Takes the text of a key set; returns the keys that signatures can be checked with. Others are left out, as RFC 7517 §5
 * says: of unknown kinds, for encryption, symmetric or private ones, and RSA keys under 2048 bits. Throws MalformedError
 * where it is no key set, or none of its keys is left.
 */
export function parseKeySet(text: string): PublicJwk[] {
  const listed = keysIn(text)
  if (!Array.isArray(listed)) throw new MalformedError('it is no JSON Web Key Set: a map with a list `keys`')
  if (listed.length > maxKeys) throw new MalformedError(`it has more than ${maxKeys} keys`)
  const keys = listed.filter(isUsable)
  if (keys.length > 0) return keys
  throw new MalformedError('it has no public key that can check a signature; RSA keys need 2048 bits or more')
}

function keysIn(text: string): unknown {
  try {
    return (JSON.parse(text) as { keys?: unknown } | null)?.keys
  } catch {
    return undefined
  }
}

function isUsable(key: unknown): key is PublicJwk {
  if (typeof key !== 'object' || key === null) return false
  const { kty, use, n, e } = key as Record<string, unknown>
  if (typeof kty !== 'string' || !asymmetric.has(kty)) return false
  if (secretMembers.some(name => Object.hasOwn(key, name))) return false
  if (use !== undefined && use !== 'sig') return false
  if (kty !== 'RSA') return true
  if (typeof n !== 'string' || typeof e !== 'string' || bitsOf(e) > maxExponentBits) return false
  return bitsOf(n) >= minModulusBits && bitsOf(n) <= maxModulusBits
}

function bitsOf(modulus: string): number {
  const hex = Buffer.from(modulus, 'base64url').toString('hex').replace(/^0+/, '')
  return hex === '' ? 0 : hex.length * 4 - Math.clz32(Number.parseInt(hex[0]!, 16)) + 28
}
