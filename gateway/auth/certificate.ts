import { X509Certificate } from 'node:crypto'

/** A certificate that a client presented. */
export interface ClientCertificate {
  readonly certificate: X509Certificate
  /** The other certificates that the client sent, in any order and not verified. */
  readonly chain: readonly X509Certificate[]
  /** The code of the reason why the TLS handshake did not accept it; undefined if it did, or if TLS ends in front of the gateway. */
  readonly refused: string | undefined
  /** SHA-256 of its DER, in hex. */
  readonly digest: string
  /** Milliseconds since the epoch. */
  readonly notBefore: number
  readonly notAfter: number
  readonly names: CertificateNames
  /** The distinguished name, as RFC 4514 writes it. */
  readonly subject: string
}

/** The subject alternative names of a certificate (RFC 5280 §4.2.1.6), by kind. */
export interface CertificateNames {
  readonly uri: readonly string[]
  /** In lower case. */
  readonly dns: readonly string[]
  readonly email: readonly string[]
}

/** The shape of a name of each kind. A name with another shape is ignored. */
const shapes = {
  uri: /^[A-Za-z][A-Za-z0-9+.-]*:[\x21-\x7e]+$/,
  dns: /^[A-Za-z0-9_*](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?$/,
  email: /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9.-]+$/,
} as const satisfies Record<keyof CertificateNames, RegExp>

const kinds: Readonly<Record<string, keyof CertificateNames>> = { URI: 'uri', DNS: 'dns', email: 'email' }

/** Reads once everything that is needed of a certificate. */
export function readCertificate(
  certificate: X509Certificate,
  chain: readonly X509Certificate[],
  refused: string | undefined,
): ClientCertificate {
  return {
    certificate,
    chain,
    refused,
    digest: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
    notBefore: certificate.validFromDate.getTime(),
    notAfter: certificate.validToDate.getTime(),
    names: readNames(certificate.subjectAltName ?? ''),
    subject: readSubject(certificate.subject ?? ''),
  }
}

/**
 * Parses the names in the text that Node makes of the extension. Node separates names by a comma and a space. It writes a
 * value with a comma, a quote or anything unusual as a JSON string without commas (CVE-2021-44532), so a value cannot pass
 * for several names.
 */
export function readNames(text: string): CertificateNames {
  const names = { uri: [] as string[], dns: [] as string[], email: [] as string[] }
  for (const name of text === '' ? [] : text.split(', ')) {
    const colon = name.indexOf(':')
    const kind = kinds[name.slice(0, colon)]
    if (kind === undefined) continue
    const value = unquoted(name.slice(colon + 1))
    if (value !== undefined && shapes[kind].test(value)) {
      names[kind].push(kind === 'dns' ? value.toLowerCase() : value)
    }
  }
  return names
}

/** Returns the name of a client: the first URI of its certificate, else DNS name, else email address, else the subject. */
export function nameOf({ names, subject, digest }: ClientCertificate): string {
  const [uri] = names.uri
  if (uri !== undefined) return `URI:${uri}`
  const [dns] = names.dns
  if (dns !== undefined) return `DNS:${dns}`
  const [email] = names.email
  if (email !== undefined) return `email:${email}`
  return subject === '' ? `SHA256:${digest}` : `subject:${subject}`
}

/**
 * Returns the thumbprint of the certificate of the connection, to which tokens are bound (`x5t#S256`, RFC 8705 §3.1):
 * SHA-256 of its DER in base64url; undefined without a certificate. TLS has proved that the client holds the private key.
 * A token that names the certificate does not depend on the CA that issued it.
 */
export function certificateThumbprint(head: {
  clientCertificate(this: void): ClientCertificate | undefined
}): string | undefined {
  const presented = head.clientCertificate()
  return presented === undefined ? undefined : Buffer.from(presented.digest, 'hex').toString('base64url')
}

function unquoted(value: string): string | undefined {
  if (!value.startsWith('"')) return value
  try {
    const text: unknown = JSON.parse(value)
    return typeof text === 'string' ? text : undefined
  } catch {
    return undefined
  }
}

// Node writes one part per line, escaped as in RFC 2253. RFC 4514 §2.1 puts the last part first.
function readSubject(lines: string): string {
  return lines.split('\n').toReversed().join(',')
}
