import { X509Certificate } from 'node:crypto'

/** A certificate that a client presented. */
export interface ClientCertificate {
  readonly certificate: X509Certificate
  /** Certificates that came along with it, in any order and not verified. */
  readonly sent: readonly X509Certificate[]
  /** Why the TLS handshake did not accept it; undefined where it did, and where there was none to judge it. */
  readonly refused: string | undefined
  /** SHA-256 of its DER in hex. */
  readonly digest: string
  /** Milliseconds since the epoch. */
  readonly notBefore: number
  readonly notAfter: number
  readonly names: CertificateNames
  /** As RFC 4514 writes it. */
  readonly subject: string
}

/** Its subject alternative names (RFC 5280 §4.2.1.6), by kind. */
export interface CertificateNames {
  readonly uri: readonly string[]
  /** In lower case. */
  readonly dns: readonly string[]
  readonly email: readonly string[]
}

/** What a name of each kind looks like; one that looks like a name of another kind is no name. */
const shapes = {
  uri: /^[A-Za-z][A-Za-z0-9+.-]*:[\x21-\x7e]+$/,
  dns: /^[A-Za-z0-9_*](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?$/,
  email: /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9.-]+$/,
} as const satisfies Record<keyof CertificateNames, RegExp>

const kinds: Readonly<Record<string, keyof CertificateNames>> = { URI: 'uri', DNS: 'dns', email: 'email' }

/** Reads what is needed of a certificate once. */
export function readCertificate(
  certificate: X509Certificate,
  sent: readonly X509Certificate[],
  refused: string | undefined,
): ClientCertificate {
  return {
    certificate,
    sent,
    refused,
    digest: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
    notBefore: certificate.validFromDate.getTime(),
    notAfter: certificate.validToDate.getTime(),
    names: readNames(certificate.subjectAltName ?? ''),
    subject: readSubject(certificate.subject ?? ''),
  }
}

/**
 * The names in the text that Node makes of the extension. It separates names by comma and space; a value with a
 * comma, a quote or anything unusual is a JSON text in which no comma stands (CVE-2021-44532), so that a value
 * cannot pass for several names.
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

/** Who a certificate is about: its first URI, else DNS name, else email address, else its subject. */
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
 * The thumbprint of the certificate that the connection presents, as tokens are bound to it (`x5t#S256`, RFC 8705
 * §3.1): SHA-256 of its DER in base64url; undefined where it presents none. TLS has proved that the client holds its
 * key; whether a CA vouches for it makes no difference to a token that names it.
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

// Node writes a line for each part, escaped after RFC 2253; RFC 4514 §2.1 wants the last one first.
function readSubject(lines: string): string {
  return lines.split('\n').toReversed().join(',')
}
