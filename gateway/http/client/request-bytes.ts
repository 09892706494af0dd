import { memoize } from '../../lib/memoize.ts'
import { isToken, isValueCode } from './fields.ts'
import { WireError } from './wire-error.ts'

/** Headers that frame the request and control its connection; only this module writes them. */
const own = new Set(
  'host connection keep-alive proxy-connection content-length transfer-encoding te trailer upgrade expect'.split(
    ' ',
  ),
)

/** Largest body that is copied behind its head, so that both are one write. */
const smallBody = 64 * 1024

const isFit = memoize(name => isToken(name) && !own.has(name.toLowerCase()))

/** An encoded request: one buffer, except for a large body, which is separate. */
export interface RequestBytes {
  /** The head, followed by a small body. */
  readonly head: Buffer
  /** A large body; null if there is none. */
  readonly body: Buffer | null
}

/** Encodes requests to one host. */
export interface RequestEncoder {
  /**
   * Encodes a request (RFC 9112 §3, §5). Throws `request_unfit` if a header cannot be sent.
   *
   * @param headers names and values, flat; in latin1
   */
  encode(method: string, path: string, headers: readonly string[], body: Buffer | null): RequestBytes
}

/** Makes an encoder for one value of the Host header. */
export function createRequestEncoder(host: string): RequestEncoder {
  /** The first lines, which are mostly the same as those of the previous call. */
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
      let text = first
      for (let index = 0; index < headers.length; index += 2) {
        const name = headers[index]!
        if (!isFit(name)) throw unfit('the name of a header')
        text += `${name}: ${headers[index + 1]!}\r\n`
      }
      const headersEnd = text.length
      text += lastLines(method, body)
      const isSmall = body !== null && body.length <= smallBody
      const bytes = Buffer.allocUnsafe(text.length + (isSmall ? body.length : 0))
      bytes.write(text, 'latin1')
      if (!isLatin1(text) || controlsIn(bytes, first.length, headersEnd) !== headers.length)
        throw unfit('the value of a header')
      if (isSmall) body.copy(bytes, text.length)
      return { head: bytes, body: isSmall ? null : body }
    },
  }
}

function lastLines(method: string, body: Buffer | null): string {
  if (body !== null) return `content-length: ${body.length}\r\n\r\n`
  return method === 'POST' ? 'content-length: 0\r\n\r\n' : '\r\n'
}

/** Returns whether the text was written without loss; the check for plain ASCII comes first, because it is the fastest. */
function isLatin1(text: string): boolean {
  // oxlint-disable-next-line no-control-regex -- a range of bytes
  return Buffer.byteLength(text) === text.length || !/[^\0-\xff]/.test(text)
}

/** Returns the number of control characters except tabs: each line ends with two, and a value has none. */
function controlsIn(bytes: Buffer, from: number, to: number): number {
  let controls = 0
  for (let at = from; at < to; at++) if (!isValueCode(bytes[at]!)) controls++
  return controls
}

function unfit(what: string): WireError {
  return new WireError('request_unfit', `${what} cannot be sent`)
}
