import type { SecureContextOptions, SecureVersion } from 'node:tls'
import { constants } from 'node:crypto'

/** Returns the blocks with a label, such as CERTIFICATE, of a PEM text (RFC 7468). Skips other blocks. */
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

/** Texts of the files for TLS. */
export interface TlsTexts {
  readonly cert: string
  readonly key: string
  readonly clientCa: string | undefined
  readonly crl: string | undefined
  readonly minVersion: SecureVersion
}

/**
 * Returns the options of a secure context of node:tls. With client certificates, sessions are not resumed: a resumed
 * session would keep the result of an earlier handshake, and lack the intermediate certificates.
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
    // One text per list, because node:tls may read only the first list of a text.
    ...(crl !== undefined && { crl: pemBlocks(crl, 'X509 CRL') }),
  }
}
