import { MalformedError } from '../malformed.ts'

/** A public key of a JSON Web Key Set (RFC 7517 §4), as its issuer wrote it. */
export interface PublicJwk {
  readonly kty: string
  readonly [parameter: string]: unknown
}

const asymmetric = new Set(['RSA', 'EC', 'OKP'])
/** Members that only private and symmetric keys have (RFC 7518 §6). */
const secretMembers = ['d', 'p', 'q', 'k']
const minModulusBits = 2048
/** Larger keys are slow to verify with, and not in use. */
const maxModulusBits = 8192
const maxExponentBits = 32
const maxKeys = 100

/**
 * Parses a key set. Returns the keys that can verify signatures. Drops all others, as RFC 7517 §5 allows: unknown types,
 * keys for encryption, symmetric and private keys, and RSA keys under 2048 bits.
 *
 * @throws MalformedError for a text that is not a key set, or has no usable key
 */
export function parseKeySet(text: string): PublicJwk[] {
  const listed = jwksIn(text)
  if (!Array.isArray(listed))
    throw new MalformedError('not a JSON Web Key Set', 'write a JSON object with a list `keys`')
  if (listed.length > maxKeys)
    throw new MalformedError(`a key set with ${listed.length} keys`, `keep at most ${maxKeys} keys`)
  const usable = listed.filter(isUsable)
  if (usable.length > 0) return usable
  throw new MalformedError(
    'a key set without a public key that can verify signatures',
    'add a public RSA key with 2048 bits or more, or an EC or OKP key',
  )
}

function jwksIn(text: string): unknown {
  try {
    return (JSON.parse(text) as { keys?: unknown } | null)?.keys
  } catch {
    return undefined
  }
}

function isUsable(jwk: unknown): jwk is PublicJwk {
  if (typeof jwk !== 'object' || jwk === null) return false
  const { kty, use, n, e } = jwk as Record<string, unknown>
  if (typeof kty !== 'string' || !asymmetric.has(kty)) return false
  if (secretMembers.some(name => Object.hasOwn(jwk, name))) return false
  if (use !== undefined && use !== 'sig') return false
  if (kty !== 'RSA') return true
  if (typeof n !== 'string' || typeof e !== 'string' || bitsOf(e) > maxExponentBits) return false
  return bitsOf(n) >= minModulusBits && bitsOf(n) <= maxModulusBits
}

function bitsOf(modulus: string): number {
  const hex = Buffer.from(modulus, 'base64url').toString('hex').replace(/^0+/, '')
  return hex === '' ? 0 : hex.length * 4 - Math.clz32(Number.parseInt(hex[0]!, 16)) + 28
}
