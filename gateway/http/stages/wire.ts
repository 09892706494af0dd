import type { IncomingMessage } from 'node:http'
import { Refusal } from '../../mcp/errors.ts'
import type { Detail, DetailValues } from '../../mcp/refusal-table.ts'
import { namedByConnection } from '../exchange/headers.ts'

/** Headers that a decision is based on. */
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
 * Refuses a request that another HTTP parser could frame or read differently: a version other than 1.0 and 1.1, a
 * transfer coding other than `chunked` (RFC 9112 §6.1), chunks in HTTP/1.0, and a Connection header that names a header
 * the gateway judges, because the next hop would not see it.
 *
 * @throws Refusal `request_malformed`
 */
export function checkWire({ headers, httpVersionMajor, httpVersionMinor }: IncomingMessage): void {
  if (httpVersionMajor !== 1 || httpVersionMinor > 1) throw malformed('http_version')
  const coding = headers['transfer-encoding']
  if (coding !== undefined) {
    if (httpVersionMinor === 0) throw malformed('transfer_coding_1_0')
    if (coding !== 'chunked' && coding.toLowerCase() !== 'chunked') throw malformed('transfer_coding')
  }
  for (const name of namedByConnection(headers.connection) ?? []) {
    if (judged.has(name) || name.startsWith('mcp-')) throw malformed('connection_header', { name })
  }
}

/**
 * Refuses a request whose Connection header names a header that carries its credential.
 *
 * @param names in lower case
 * @throws Refusal `request_malformed`
 */
export function checkNotNamed(connection: string | undefined, names: readonly { header: string }[]): void {
  const named = namedByConnection(connection)
  if (named !== undefined && names.some(({ header }) => named.has(header.toLowerCase())))
    throw malformed('connection_credential')
}

/** The sender may disagree about where the request ends, so the connection closes after it. */
function malformed(detail: Detail, values?: DetailValues): Refusal {
  return new Refusal(detail, { values, headers: closing })
}
