import type { SecureContextOptions, SecureVersion } from 'node:tls'
import { constants } from 'node:crypto'

/** The blocks of one kind in a text of PEM (RFC 7468), such as CERTIFICATE; other kinds are passed over. */
export function pemBlocks(text: string, label: string): string[] {
  const [begin, end] = [`-----BEGIN ${label}-----`, `-----END ${label}-----`]
  const blocks: string[] = []
  for (let at = text.indexOf(begin); at !== -1;) {
    const last = text.indexOf(end, at + begin.length)
    if (last === -1) break
    blocks.push(text.slice(at, last + end.length))
    at = text.indexOf(begin, last + end.length)
  }
  return blocks
}

/** The texts of the files that TLS is served with. */
export interface TlsTexts {
  readonly cert: string
  readonly key: string
  readonly clientCa: string | undefined
  readonly crl: string | undefined
  readonly minVersion: SecureVersion
}

/**
 * What node:tls makes a secure context of. Where clients present certificates, no session is resumed: a resumed one
 * would bring the verdict of an earlier handshake along, and not the certificates between the client's and its CA.
 */
export function secureContextOptions({
  cert,
  key,
  clientCa,
  crl,
  minVersion,
}: TlsTexts): SecureContextOptions {
  const { SSL_OP_NO_RENEGOTIATION, SSL_OP_NO_TICKET } = constants
  return {
    cert,
    key,
    minVersion,
    secureOptions: SSL_OP_NO_RENEGOTIATION | (clientCa === undefined ? 0 : SSL_OP_NO_TICKET),
    ...(clientCa !== undefined && { ca: clientCa }),
    // Apart, so that it does not matter how far node:tls reads in one text.
    ...(crl !== undefined && { crl: pemBlocks(crl, 'X509 CRL') }),
  }
}
