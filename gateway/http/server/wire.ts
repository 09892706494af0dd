import type { IncomingMessage } from 'node:http'
import { Refusal } from '../../mcp/errors.ts'
import { namedByConnection } from '../exchange/headers.ts'

/** Headers that decide what a request is, who sent it, or what the gateway makes of it. */
const judged: ReadonlySet<string> = new Set([
  'accept',
  'access-control-request-headers',
  'access-control-request-method',
  'authorization',
  'content-encoding',
  'content-length',
  'content-type',
  'cookie',
  'dpop',
  'expect',
  'host',
  'last-event-id',
  'origin',
])

const closing = { connection: 'close' }

/**
 * Refuses a request that another HTTP reader could frame or read differently: a version other than 1.0 and 1.1, a
 * transfer coding other than `chunked` (RFC 9112 §6.1), chunks in HTTP/1.0, and a Connection header that names a header
 * the gateway judges, because the next hop would not see it.
 *
 * @throws Refusal `request_malformed`
 */
export function checkWire({ headers, httpVersionMajor, httpVersionMinor }: IncomingMessage): void {
  if (httpVersionMajor !== 1 || httpVersionMinor > 1) throw malformed('the HTTP version must be 1.0 or 1.1')
  const coding = headers['transfer-encoding']
  if (coding !== undefined) {
    if (httpVersionMinor === 0) throw malformed('HTTP/1.0 has no transfer codings')
    if (coding !== 'chunked' && coding.toLowerCase() !== 'chunked')
      throw malformed('the only transfer coding is chunked')
  }
  for (const name of namedByConnection(headers.connection) ?? []) {
    if (judged.has(name) || name.startsWith('mcp-'))
      throw malformed(`the Connection header must not name ${name}`)
  }
}

/**
 * Refuses a request whose Connection header names one of the headers that carry its credential.
 *
 * @param names in lower case
 * @throws Refusal `request_malformed`
 */
export function checkNotNamed(connection: string | undefined, names: readonly { header: string }[]): void {
  const named = namedByConnection(connection)
  if (named !== undefined && names.some(({ header }) => named.has(header.toLowerCase())))
    throw malformed('the Connection header must not name a credential')
}

/** Whoever sent it may disagree about where it ends, so nothing after it is read. */
function malformed(message: string): Refusal {
  return new Refusal('request_malformed', message, { headers: closing })
}
