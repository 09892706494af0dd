import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto'
import { pemBlocks } from './pem.ts'

const curves: Readonly<Record<string, string>> = {
  prime256v1: 'ES256',
  secp384r1: 'ES384',
  secp521r1: 'ES512',
}

/** Reads a private key in PEM; undefined where it is none, or one that asks for a passphrase. */
export function readPrivateKey(pem: string): KeyObject | undefined {
  return readOr(() => createPrivateKey({ key: pem, format: 'pem' }))
}

/** Reads the certificates of a PEM text; undefined where there is none, or one that is broken. */
export function readCertificates(pem: string): X509Certificate[] | undefined {
  const found = readOr(() => pemBlocks(pem, 'CERTIFICATE').map(block => new X509Certificate(block)))
  return found?.length === 0 ? undefined : found
}

/** The algorithms that a key can sign a JWT with (RFC 7518 §3.1), the usual one first; none for keys of other kinds. */
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
