import type { IncomingHttpHeaders } from 'node:http'
import { malformed } from './wire-error.ts'

const tokenText = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

/** By character code: whether it may stand in a token (RFC 9110 §5.6.2). */
const inToken = new Uint8Array(256)
for (let index = 0; index < tokenText.length; index++) inToken[tokenText.charCodeAt(index)] = 1

/** By character code: whether it may stand in a field value or a reason phrase: VCHAR, obs-text, space and tab. */
const inValue = new Uint8Array(256).fill(1, 0x20).fill(0, 0x7f, 0x80)
inValue[0x09] = 1

/** Whether a character may stand in a token, by its code. */
export function isTokenCode(code: number): boolean {
  return inToken[code] === 1
}

/** Whether a character may stand in a field value, by its code. */
export function isValueCode(code: number): boolean {
  return inValue[code] === 1
}

/** Whether text is a token (RFC 9110 §5.6.2). */
export function isToken(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (inToken[text.charCodeAt(at)] !== 1) return false
  return text.length > 0
}

/** Whether a part of a text holds only what a field value may hold (RFC 9110 §5.5). */
function isValue(text: string, from = 0, to = text.length): boolean {
  for (let at = from; at < to; at++) if (inValue[text.charCodeAt(at)] !== 1) return false
  return true
}

/**
 * Makes fields without a prototype, so that no name stands for anything that was not sent. They are read faster than
 * those of `Object.create(null)`.
 */
const Fields = function () {} as unknown as new () => IncomingHttpHeaders
Fields.prototype = Object.create(null)

/** No fields yet. */
export function createFields(): IncomingHttpHeaders {
  return new Fields()
}

/** What a status line says. */
export interface StatusLine {
  readonly status: number
  /** Of HTTP/1: 0 or 1. */
  readonly minor: number
}

/** Reads a status line (RFC 9112 §4), which many servers end after the status. Throws `answer_malformed`. */
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
 * Reads one field line (RFC 9112 §5) into headers: names in lower case, a value that is repeated becomes a list. No
 * space before the colon, no continued lines, no control characters. Throws `answer_malformed`.
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
  // Allowed, but llhttp takes such a coding for another one, and would see another body.
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
