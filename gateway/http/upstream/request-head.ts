import { isToken, isValue } from './fields.ts'
import { WireError } from './wire-error.ts'

/** What frames the request and governs its connection is written here, and nowhere else. */
const own = new Set(
  'host connection keep-alive proxy-connection content-length transfer-encoding te trailer upgrade expect'.split(
    ' ',
  ),
)

/**
 * Writes the head of a request (RFC 9112 §3, §5), in latin1. Throws `request_unfit` where a header cannot be sent.
 *
 * @param host the value of its Host header
 * @param headers names and values, flat
 * @param length bytes of the body; undefined where there is none
 */
export function requestHead(
  method: string,
  path: string,
  host: string,
  headers: readonly string[],
  length: number | undefined,
): string {
  if (!/^\/[\x21-\x7e\x80-\xff]*$/.test(path)) throw unfit('the path')
  let head = `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: keep-alive\r\n`
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index]!
    const value = headers[index + 1]!
    if (!isToken(name) || own.has(name.toLowerCase())) throw unfit('the name of a header')
    if (!isValue(value)) throw unfit('the value of a header')
    head += `${name}: ${value}\r\n`
  }
  if (length !== undefined) head += `content-length: ${length}\r\n`
  else if (method === 'POST') head += 'content-length: 0\r\n'
  return `${head}\r\n`
}

function unfit(what: string): WireError {
  return new WireError('request_unfit', `${what} cannot be sent`)
}
