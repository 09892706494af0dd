import { MalformedError } from './malformed.ts'

/**
 * Parses the SHA-256 of a certificate in hex, with or without colons, also as OpenSSL prints it. Returns 64 hex digits
 * in lower case.
 *
 * @throws MalformedError
 */
export function parseFingerprint(text: string): string {
  const [, pairs] =
    /^(?:sha256[: ]|sha256 fingerprint=)?((?:[0-9a-f]{2}:?){31}[0-9a-f]{2})$/i.exec(text) ?? []
  if (pairs === undefined) {
    throw new MalformedError(
      'not a valid certificate fingerprint',
      'write the SHA-256 of the certificate, 64 hex digits, as `openssl x509 -fingerprint -sha256` prints it',
    )
  }
  return pairs.replaceAll(':', '').toLowerCase()
}
