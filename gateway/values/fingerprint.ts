import { MalformedError } from './malformed.ts'

/**
 * Takes the SHA-256 of a certificate in hex, with or without colons, also as OpenSSL prints it; returns 64 hex digits in
 * lower case. Throws MalformedError.
 */
export function parseFingerprint(text: string): string {
  const [, pairs] =
    /^(?:sha256[: ]|sha256 fingerprint=)?((?:[0-9a-f]{2}:?){31}[0-9a-f]{2})$/i.exec(text) ?? []
  if (pairs === undefined) {
    throw new MalformedError(
      'a fingerprint is the SHA-256 of a certificate, 64 hex digits, as `openssl x509 -fingerprint -sha256` prints it',
    )
  }
  return pairs.replaceAll(':', '').toLowerCase()
}
