import { X509Certificate } from 'node:crypto'
import { BlockList, isIPv4 } from 'node:net'
import { readCertificate, type ClientCertificate } from '../gateway/auth/certificate.ts'
import type { RequestHead } from '../gateway/auth/request-head.ts'
import { parseNetwork } from '../gateway/values/networks.ts'
import type { CertificateHeader } from '../schema/config.ts'

/** Reads the certificates of clients whose TLS ends in front of the gateway. */
export interface ForwardedCertificates {
  /** Returns the text of the header; undefined without one, or if it is not from a trusted address. */
  find(head: RequestHead): string | undefined
  /** Parses the certificate in that text; undefined if it is not a certificate. */
  read(text: string): ClientCertificate | undefined
}

/** Creates a reader of headers in the form of nginx (`$ssl_client_escaped_cert`) or RFC 9440 §2, from configured addresses only. */
export function forwardedCertificates({ header, proxies }: CertificateHeader): ForwardedCertificates {
  const name = header.toLowerCase()
  const trusted = new BlockList()
  for (const { address, prefix, family } of proxies.map(parseNetwork)) {
    trusted.addSubnet(address, prefix, family)
  }
  return {
    find({ headers, remoteAddress }) {
      const value = headers[name]
      // nginx sends an empty header if the client has no certificate.
      if (value === undefined || value === '') return undefined
      const address = remoteAddress.replace(/^::ffff:(?=\d+\.)/, '')
      if (address === '' || !trusted.check(address, isIPv4(address) ? 'ipv4' : 'ipv6')) return undefined
      return Array.isArray(value) ? value.join(', ') : value
    },
    read(text) {
      const bytes = bytesOf(text)
      if (bytes === undefined) return undefined
      try {
        const certificate = new X509Certificate(bytes)
        return certificate.raw.equals(bytes) ? readCertificate(certificate, [], undefined) : undefined
      } catch {
        return undefined
      }
    },
  }
}

function bytesOf(text: string): Buffer | undefined {
  const base64 = /^:([A-Za-z0-9+/]+={0,2}):$/.exec(text)?.[1] ?? pemContent(text)
  return base64 === undefined ? undefined : Buffer.from(base64, 'base64')
}

function pemContent(text: string): string | undefined {
  let pem: string
  try {
    pem = decodeURIComponent(text)
  } catch {
    return undefined
  }
  const frame = /^-----BEGIN CERTIFICATE-----\s([A-Za-z0-9+/\s]+={0,2})\s{1,4}-----END CERTIFICATE-----\s*$/
  return frame.exec(pem)?.[1]
}
