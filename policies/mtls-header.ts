import { X509Certificate } from 'node:crypto'
import { BlockList, isIPv4 } from 'node:net'
import { readCertificate, type ClientCertificate } from '../gateway/auth/certificate.ts'
import type { RequestHead } from '../gateway/auth/request-head.ts'
import { parseNetwork } from '../gateway/values/networks.ts'
import type { CertificateHeader } from '../schema/config.ts'

/** Certificates of clients whose TLS ends in front of the gateway. */
export interface ForwardedCertificates {
  /** The text of the header; undefined where there is none, and where nobody who is believed sent it. */
  find(head: RequestHead): string | undefined
  /** The certificate in such a text; undefined where it is none. */
  read(text: string): ClientCertificate | undefined
}

/** Reads a header as nginx (`$ssl_client_escaped_cert`) or RFC 9440 §2 writes it, from configured addresses only. */
export function forwardedCertificates({ header, proxies }: CertificateHeader): ForwardedCertificates {
  const name = header.toLowerCase()
  const believed = new BlockList()
  for (const { address, prefix, family } of proxies.map(parseNetwork)) {
    believed.addSubnet(address, prefix, family)
  }
  return {
    find({ headers, remoteAddress }) {
      const value = headers[name]
      // nginx sends the header empty where the client has no certificate.
      if (value === undefined || value === '') return undefined
      const address = remoteAddress.replace(/^::ffff:(?=\d+\.)/, '')
      if (address === '' || !believed.check(address, isIPv4(address) ? 'ipv4' : 'ipv6')) return undefined
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
