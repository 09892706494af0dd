import { X509Certificate } from 'node:crypto'
import { BlockList, isIPv4 } from 'node:net'
import { readCertificate, type ClientCertificate } from '../gateway/auth/certificate.ts'
import { certificateIn } from '../gateway/auth/certificate-header.ts'
import type { RequestHead } from '../gateway/auth/request-head.ts'
import { Refusal } from '../gateway/mcp/errors.ts'
import { parseNetwork } from '../gateway/values/networks.ts'
import type { CertificateHeader } from '../schema/config.ts'

/** Reads the certificates of clients whose TLS ends in front of the gateway. */
export interface ForwardedCertificates {
  /**
   * Returns the text of the header; undefined without one, or if it is not from a trusted address. A header that was sent
   * twice gives an empty text, which is not a certificate: one of them may be the client's own.
   */
  find(head: RequestHead): string | undefined
  /**
   * Parses the certificate in that text.
   *
   * @throws Refusal `credential_invalid`
   */
  read(text: string): ClientCertificate
}

/** Values for *no certificate*: of nginx, HAProxy and Caddy, and of Apache. */
const absent = new Set<unknown>([undefined, '', '(null)'])

/** Creates a reader of a header, which is trusted from configured addresses only. */
export function forwardedCertificates({ header, proxies }: CertificateHeader): ForwardedCertificates {
  const name = header.toLowerCase()
  const trusted = new BlockList()
  for (const { address, prefix, family } of proxies.map(parseNetwork)) {
    trusted.addSubnet(address, prefix, family)
  }
  return {
    find({ headers, rawHeaders, remoteAddress }) {
      const value = headers[name]
      if (absent.has(value)) return undefined
      const address = remoteAddress.replace(/^::ffff:(?=\d+\.)/, '')
      if (address === '' || !trusted.check(address, isIPv4(address) ? 'ipv4' : 'ipv6')) return undefined
      return Array.isArray(value) || isRepeated(rawHeaders, name) ? '' : value
    },
    read(text) {
      const bytes = certificateIn(text)
      if (bytes === 'none') throw new Refusal('certificate_not_forwarded')
      const certificate = bytes && parse(bytes)
      if (certificate === undefined) throw new Refusal('certificate_unreadable')
      return readCertificate(certificate, [], undefined)
    },
  }
}

/** Parses a certificate; undefined if the bytes are not exactly one. */
function parse(bytes: Buffer): X509Certificate | undefined {
  try {
    const certificate = new X509Certificate(bytes)
    return certificate.raw.equals(bytes) ? certificate : undefined
  } catch {
    return undefined
  }
}

function isRepeated(rawHeaders: readonly string[], name: string): boolean {
  let seen = 0
  for (let index = 0; index < rawHeaders.length; index += 2)
    if (rawHeaders[index]!.length === name.length && rawHeaders[index]!.toLowerCase() === name) seen++
  return seen > 1
}
