import type { IncomingHttpHeaders } from 'node:http'
import { malformed } from './wire-error.ts'

/** Where the body of an answer ends: after so many bytes, after its last chunk, or with the connection. */
export type Framing = number | 'chunked' | 'close'

/** Says where a body ends, and refuses whatever two readers could take differently (RFC 9112 §6). */
export function framingOf(status: number, minor: number, headers: IncomingHttpHeaders): Framing {
  const coding = headers['transfer-encoding'] as string | string[] | undefined
  const length = headers['content-length'] as string | string[] | undefined
  if (coding !== undefined) {
    if (length !== undefined) malformed('has both a Content-Length and a Transfer-Encoding')
    if (minor === 0) malformed('is HTTP/1.0 and has a Transfer-Encoding')
    if (typeof coding !== 'string' || coding.toLowerCase() !== 'chunked')
      malformed('has a Transfer-Encoding that is not chunked')
  }
  const bytes = length === undefined ? undefined : readLength(length)
  if (status < 200 && !isPersistent(status, minor, headers))
    malformed('is informational and has a body or ends the connection')
  if (isBodiless(status)) return 0
  return coding !== undefined ? 'chunked' : (bytes ?? 'close')
}

/** Says no where trailers claim to frame a body that has ended (RFC 9110 §6.5.1). */
export function checkTrailers(trailers: IncomingHttpHeaders): void {
  if ((trailers['content-length'] ?? trailers['transfer-encoding']) !== undefined)
    malformed('has a trailer that belongs into the head')
}

function isBodiless(status: number): boolean {
  return status < 200 || status === 204 || status === 304
}

function readLength(value: string | string[]): number {
  if (typeof value !== 'string') malformed('has more than one Content-Length')
  if (!/^\d{1,16}$/.test(value)) malformed('has a Content-Length that is not a number of bytes')
  const bytes = Number(value)
  return Number.isSafeInteger(bytes) ? bytes : malformed('has a Content-Length that is too large')
}

/**
 * Whether the connection may carry another request after this answer (RFC 9112 §9.3). Not after one that announces a
 * body where there can be none: whoever sent it may send that body after all.
 */
export function isPersistent(status: number, minor: number, headers: IncomingHttpHeaders): boolean {
  const { connection, 'proxy-connection': older } = headers
  if (minor === 0) return false
  if (isBodiless(status) && announcesBody(headers)) return false
  // llhttp heeds the older name too, and would take what follows an informational answer for nobody's.
  if (older !== undefined && saysClose(older)) return false
  return connection === undefined || connection === 'keep-alive' || !saysClose(connection)
}

function saysClose(value: string | string[]): boolean {
  return /(?:^|,)[ \t]*close[ \t]*(?:,|$)/i.test(String(value))
}

function announcesBody(headers: IncomingHttpHeaders): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}
