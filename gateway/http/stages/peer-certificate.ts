import type { X509Certificate } from 'node:crypto'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { readCertificate, type ClientCertificate } from '../../auth/certificate.ts'

const known = new WeakMap<Socket, ClientCertificate | undefined>()
/** Largest number of certificates that are read. */
const maxChainLength = 8

/** Returns the certificate that the client presented in the TLS handshake; it is read on first use. */
export function peerCertificate(socket: Socket): ClientCertificate | undefined {
  if (!known.has(socket)) known.set(socket, read(socket))
  return known.get(socket)
}

function read(socket: Socket): ClientCertificate | undefined {
  if (!(socket instanceof TLSSocket)) return undefined
  const certificate = socket.getPeerX509Certificate()
  if (certificate === undefined) return undefined
  const sent: X509Certificate[] = []
  let next = certificate.issuerCertificate
  while (next !== undefined && sent.length < maxChainLength) {
    sent.push(next)
    next = next.issuerCertificate
  }
  const refused = socket.authorized ? undefined : String(socket.authorizationError ?? 'UNVERIFIED')
  return readCertificate(certificate, sent, refused)
}
