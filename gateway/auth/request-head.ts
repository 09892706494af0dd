import type { IncomingHttpHeaders } from 'node:http'
import type { ClientCertificate } from './certificate.ts'

/** What is known of a request before its body is read. */
export interface RequestHead {
  readonly method: string
  /** As the client wrote it: it is matched exactly. */
  readonly path: string
  /** The raw query string, without its question mark. */
  readonly query: string
  readonly headers: IncomingHttpHeaders
  /** The address that the connection arrived at; found out when it is asked for. */
  localAddress(this: void): string
  /** The address of the other end: of the client, or of what stands before the gateway. */
  readonly remoteAddress: string
  /** The certificate that the client presented in the handshake, good or not; read when it is asked for. */
  clientCertificate(this: void): ClientCertificate | undefined
}
