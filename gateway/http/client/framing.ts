import type { IncomingHttpHeaders } from 'node:http'
import { malformed } from './wire-error.ts'

/** Where a response body ends: after a number of bytes, after the last chunk, or with the connection. */
export type Framing = number | 'chunked' | 'close'

/** Returns where a body ends; refuses framing that two parsers could read differently (RFC 9112 §6). */
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

/** Refuses trailers that claim to frame the body that has ended (RFC 9110 §6.5.1). */
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
 * Returns whether the connection may carry another request after this response (RFC 9112 §9.3). It may not after a response
 * that announces a body where none is allowed: the server may send that body anyway.
 */
export function isPersistent(status: number, minor: number, headers: IncomingHttpHeaders): boolean {
  const { connection, 'proxy-connection': older } = headers
  if (minor === 0) return false
  if (isBodiless(status) && announcesBody(headers)) return false
  // llhttp also honours the older name, and would discard what follows an informational response.
  if (older !== undefined && saysClose(older)) return false
  return connection === undefined || connection === 'keep-alive' || !saysClose(connection)
}

function saysClose(value: string | string[]): boolean {
  return /(?:^|,)[ \t]*close[ \t]*(?:,|$)/i.test(String(value))
}

function announcesBody(headers: IncomingHttpHeaders): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}
