const issuerMissing = 'its issuer is not in listen.tls.clientCa, and the client did not send it'

/** The reasons why OpenSSL does not accept a client certificate, by the code that Node gives them. */
const explanations: Readonly<Record<string, string>> = {
  UNABLE_TO_GET_ISSUER_CERT:
    'listen.tls.clientCa has its issuer, but not the CA above; add every CA up to the root',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: issuerMissing,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: issuerMissing,
  SELF_SIGNED_CERT_IN_CHAIN: 'its root CA is not in listen.tls.clientCa',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'it is signed by itself, and is not in listen.tls.clientCa',
  CERT_UNTRUSTED: 'a CA above it is not trusted for client certificates',
  CERT_REJECTED: 'a CA above it rejects client certificates',
  INVALID_CA: 'a certificate above it is not that of a CA',
  PATH_LENGTH_EXCEEDED: 'a CA above it allows fewer CAs below it',
  CERT_CHAIN_TOO_LONG: 'there are too many CAs above it',
  INVALID_PURPOSE: 'it, or a CA above it, is not for client authentication',
  CERT_SIGNATURE_FAILURE: 'a signature in its path is wrong',
  UNABLE_TO_DECRYPT_CERT_SIGNATURE: 'a signature in its path cannot be read',
  UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY: 'the public key of a CA above it cannot be read',
  CERT_HAS_EXPIRED: 'it, or a CA above it, has expired',
  CERT_NOT_YET_VALID: 'it, or a CA above it, is not valid yet',
  CERT_REVOKED: 'it, or a CA above it, was revoked',
  UNABLE_TO_GET_CRL: 'listen.tls.crl has no list for a CA in its path',
  CRL_HAS_EXPIRED: 'the revocation list of a CA in its path is past its next update',
  CRL_NOT_YET_VALID: 'the revocation list of a CA in its path is not valid yet',
  CRL_SIGNATURE_FAILURE: 'the signature of a revocation list is wrong',
  UNABLE_TO_DECRYPT_CRL_SIGNATURE: 'the signature of a revocation list cannot be read',
}

/** Explains a code of `tlsSocket.authorizationError`. */
export function explainVerificationError(code: string): string {
  return explanations[code] ?? `OpenSSL reports ${code}`
}
