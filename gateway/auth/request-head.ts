import type { IncomingHttpHeaders } from 'node:http'
import type { ClientCertificate } from './certificate.ts'

/** The head of a request, with its connection. */
export interface RequestHead {
  readonly method: string
  /** The path as the client wrote it: paths are matched exactly. */
  readonly path: string
  /** The raw query string, without its question mark. */
  readonly query: string
  readonly headers: IncomingHttpHeaders
  /** Names and values in turn, as the client sent them. */
  readonly rawHeaders: readonly string[]
  /** The address of the client, or of the proxy in front of the gateway. */
  readonly remoteAddress: string
  /** Returns the certificate that the client presented in the handshake, whether valid or not. */
  clientCertificate(this: void): ClientCertificate | undefined
}
