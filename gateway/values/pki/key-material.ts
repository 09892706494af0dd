import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto'
import { pemBlocks } from './pem.ts'

const curves: Readonly<Record<string, string>> = {
  prime256v1: 'ES256',
  secp384r1: 'ES384',
  secp521r1: 'ES512',
}

/** Reads a private key in PEM. Returns undefined for any other text, and for a key with a passphrase. */
export function readPrivateKey(pem: string): KeyObject | undefined {
  return readOr(() => createPrivateKey({ key: pem, format: 'pem' }))
}

/** Reads the certificates in a PEM text. Returns undefined if there is none, or one is malformed. */
export function readCertificates(pem: string): X509Certificate[] | undefined {
  const found = readOr(() => pemBlocks(pem, 'CERTIFICATE').map(block => new X509Certificate(block)))
  return found?.length === 0 ? undefined : found
}

/** Returns the algorithms with which a key can sign a JWT (RFC 7518 §3.1), the usual one first; empty for other keys. */
export function algorithmsFor({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): readonly string[] {
  if (asymmetricKeyType === 'rsa') {
    // RFC 7518 §3.3: 2048 bits or more.
    const strong = (asymmetricKeyDetails?.modulusLength ?? 0) >= 2048
    return strong ? ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] : []
  }
  if (asymmetricKeyType === 'ed25519') return ['EdDSA']
  const curve = curves[asymmetricKeyDetails?.namedCurve ?? '']
  return curve === undefined ? [] : [curve]
}

function readOr<Value>(read: () => Value): Value | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
