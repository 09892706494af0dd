import type { IncomingHttpHeaders } from 'node:http'
import { malformed } from './wire-error.ts'

const tokenText = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

/** 1 for the code of a character that is allowed in a token (RFC 9110 §5.6.2). */
const inToken = new Uint8Array(256)
for (let index = 0; index < tokenText.length; index++) inToken[tokenText.charCodeAt(index)] = 1

/** 1 for the code of a character that is allowed in a field value or reason phrase: VCHAR, obs-text, space and tab. */
const inValue = new Uint8Array(256).fill(1, 0x20).fill(0, 0x7f, 0x80)
inValue[0x09] = 1

/** Returns whether a character is allowed in a token. */
export function isTokenCode(code: number): boolean {
  return inToken[code] === 1
}

/** Returns whether a character is allowed in a field value. */
export function isValueCode(code: number): boolean {
  return inValue[code] === 1
}

/** Returns whether text is a token (RFC 9110 §5.6.2). */
export function isToken(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (inToken[text.charCodeAt(at)] !== 1) return false
  return text.length > 0
}

/** Returns whether part of a text is a valid field value (RFC 9110 §5.5). */
function isValue(text: string, from = 0, to = text.length): boolean {
  for (let at = from; at < to; at++) if (inValue[text.charCodeAt(at)] !== 1) return false
  return true
}

/**
 * Constructor of objects without a prototype, so that no name resolves to anything that was not sent. V8 reads them faster
 * than `Object.create(null)`.
 */
const Fields = function () {} as unknown as new () => IncomingHttpHeaders
Fields.prototype = Object.create(null)

/** Returns an empty set of fields. */
export function createFields(): IncomingHttpHeaders {
  return new Fields()
}

/** A parsed status line. */
export interface StatusLine {
  readonly status: number
  /** Minor version of HTTP/1: 0 or 1. */
  readonly minor: number
}

/** Parses a status line (RFC 9112 §4), which many servers end after the status. Throws `answer_malformed`. */
export function readStatusLine(text: string, from: number, to: number): StatusLine {
  const digit = (at: number): number => {
    const value = text.charCodeAt(at) - 48
    return value >= 0 && value <= 9 ? value : malformed('does not begin with a status line')
  }
  const version = text.slice(from, from + 9)
  if (version !== 'HTTP/1.1 ' && version !== 'HTTP/1.0 ') malformed('does not begin with a status line')
  if (to < from + 12 || (to > from + 12 && text.charCodeAt(from + 12) !== 32))
    malformed('does not begin with a status line')
  const status = digit(from + 9) * 100 + digit(from + 10) * 10 + digit(from + 11)
  if (status < 100 || status > 599) malformed('has a status outside 100 to 599')
  if (!isValue(text, from + 12, to)) malformed('has a control character in its status line')
  return { status, minor: version === 'HTTP/1.1 ' ? 1 : 0 }
}

/**
 * Parses one field line (RFC 9112 §5) into headers: names in lower case; a repeated field becomes a list. It accepts no
 * space before the colon, no continued lines and no control characters. Throws `answer_malformed`.
 *
 * @param from where the line begins
 * @param to where its CRLF begins
 */
export function readField(text: string, from: number, to: number, headers: IncomingHttpHeaders): void {
  let at = endOfToken(text, from, to)
  if (at === from || at === to || text.charCodeAt(at) !== 58) malformed('has a malformed header name')
  const name = text.slice(from, at).toLowerCase()
  let tabs = false
  let end = to
  for (at++; at < end && isBlank(text.charCodeAt(at)); at++) tabs ||= text.charCodeAt(at) === 9
  for (; end > at && isBlank(text.charCodeAt(end - 1)); end--) tabs ||= text.charCodeAt(end - 1) === 9
  // Allowed, but llhttp takes such a coding for another one, and would read another body.
  if (tabs && (name === 'transfer-encoding' || name === 'content-length')) malformed(`has a tab in ${name}`)
  if (!isValue(text, at, end)) malformed('has a control character in a header')
  addField(headers, name, text.slice(at, end))
}

function endOfToken(text: string, from: number, to: number): number {
  let at = from
  while (at < to && inToken[text.charCodeAt(at)] === 1) at++
  return at
}

function addField(headers: IncomingHttpHeaders, name: string, value: string): void {
  const known = headers[name]
  if (known === undefined) headers[name] = value
  else if (typeof known === 'string') headers[name] = [known, value]
  else known.push(value)
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9
}
