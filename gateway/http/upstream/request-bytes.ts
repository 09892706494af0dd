import { remember } from '../remember.ts'
import { isToken, isValueCode } from './fields.ts'
import { WireError } from './wire-error.ts'

/** What frames the request and governs its connection is written here, and nowhere else. */
const own = new Set(
  'host connection keep-alive proxy-connection content-length transfer-encoding te trailer upgrade expect'.split(
    ' ',
  ),
)

/** Bodies up to this size are copied behind their head, so that one piece is written. */
const smallBody = 64 * 1024

const isFit = remember(name => isToken(name) && !own.has(name.toLowerCase()))

/** A request as it is written: in one piece, but for a large body, which stands apart. */
export interface RequestBytes {
  /** The head, and behind it a small body. */
  readonly head: Buffer
  /** A large body; null where there is none. */
  readonly body: Buffer | null
}

/** Encodes requests to one host. */
export interface RequestEncoder {
  /**
   * Encodes a request (RFC 9112 §3, §5). Throws `request_unfit` where a header cannot be sent.
   *
   * @param headers names and values, flat; in latin1
   */
  encode(method: string, path: string, headers: readonly string[], body: Buffer | null): RequestBytes
}

/** @param host the value of the Host header */
export function createRequestEncoder(host: string): RequestEncoder {
  /** The first lines, which are the same as those of the call before as a rule. */
  let first = ''
  let lastMethod = ''
  let lastPath = ''

  return {
    encode(method, path, headers, body) {
      if (method !== lastMethod || path !== lastPath) {
        if (!/^\/[\x21-\x7e\x80-\xff]*$/.test(path)) throw unfit('the path')
        first = `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: keep-alive\r\n`
        lastMethod = method
        lastPath = path
      }
      const last = lastLines(method, body)
      const isSmall = body !== null && body.length <= smallBody
      let length = first.length + last.length + (isSmall ? body.length : 0)
      for (let index = 0; index < headers.length; index += 2)
        length += headers[index]!.length + headers[index + 1]!.length + 4
      const bytes = Buffer.allocUnsafe(length)
      let at = write(bytes, 0, first)
      for (let index = 0; index < headers.length; index += 2) {
        const name = headers[index]!
        if (!isFit(name)) throw unfit('the name of a header')
        at = write(bytes, at, name)
        bytes[at++] = 0x3a
        bytes[at++] = 0x20
        at = writeValue(bytes, at, headers[index + 1]!)
        bytes[at++] = 0x0d
        bytes[at++] = 0x0a
      }
      at = write(bytes, at, last)
      if (isSmall) body.copy(bytes, at)
      return { head: bytes, body: isSmall ? null : body }
    },
  }
}

function lastLines(method: string, body: Buffer | null): string {
  if (body !== null) return `content-length: ${body.length}\r\n\r\n`
  return method === 'POST' ? 'content-length: 0\r\n\r\n' : '\r\n'
}

/** Writes latin1, one character at a time: that is faster than the way through the runtime for texts this short. */
function write(bytes: Buffer, at: number, text: string): number {
  for (let index = 0; index < text.length; index++) bytes[at++] = text.charCodeAt(index)
  return at
}

function writeValue(bytes: Buffer, at: number, value: string): number {
  for (let index = 0; index < value.length; index++) {
    const code = value.charCodeAt(index)
    if (!isValueCode(code)) throw unfit('the value of a header')
    bytes[at++] = code
  }
  return at
}

function unfit(what: string): WireError {
  return new WireError('request_unfit', `${what} cannot be sent`)
}
