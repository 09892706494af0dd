import { isUtf8 } from 'node:buffer'

/** Longest id, as JSON text. */
export const maxIdLength = 1024

const quote = 0x22
const comma = 0x2c
const colon = 0x3a
const openBracket = 0x5b
const backslash = 0x5c
const closeBracket = 0x5d
const openBrace = 0x7b
const closeBrace = 0x7d

/** Longest name of a member that matters, with its quotation marks. */
const maxNameLength = '"method"'.length

/**
 * Finds the id of a JSON-RPC request in a body that is not kept: as it arrives, and in constant memory. The rest of the body is
 * not checked.
 */
export class IdScanner {
  #depth = 0
  #isInString = false
  #isEscaped = false
  /** Whether the next string of the message is the name of a member. */
  #isName = false
  /** The name, or the value of `id`, that is being read; undefined while nothing is. */
  #text: number[] | undefined
  #name = ''
  #id: string | undefined
  #hasMethod = false
  /** Set if the message cannot be a request, or names two ids. */
  #isOther = false

  /** Reads the next bytes. */
  take(bytes: Buffer): void {
    for (let at = 0; at < bytes.length && !this.#isOther; at++) {
      const code = bytes[at]!
      if (this.#text !== undefined) this.#keep(code)
      if (!this.#isInString) this.#structure(code)
      else if (this.#isEscaped) this.#isEscaped = false
      else if (code === backslash) this.#isEscaped = true
      else if (code === quote) this.#endString()
    }
  }

  /** Returns the id as JSON text, as far as was read; undefined if there is none, or the message is not a request. */
  id(): string | undefined {
    return this.#hasMethod && !this.#isOther ? this.#id : undefined
  }

  #keep(code: number): void {
    const text = this.#text!
    if (text.length <= maxIdLength + 1) text.push(code)
  }

  #structure(code: number): void {
    if (code === quote) {
      this.#isInString = true
      if (this.#isName) this.#text = [quote]
    } else if (code === openBrace || code === openBracket) {
      if (this.#depth === 0 && code === openBracket) this.#isOther = true
      this.#depth++
      this.#isName = this.#depth === 1
    } else if (code === closeBrace || code === closeBracket) {
      if (this.#depth === 1) this.#endMember()
      this.#depth--
      this.#isName = false
    } else if (this.#depth !== 1) return
    else if (code === comma) this.#endMember()
    else if (code === colon) this.#beginValue()
  }

  #endString(): void {
    this.#isInString = false
    if (!this.#isName) return
    this.#isName = false
    const text = this.#text!
    this.#name = text.length > maxNameLength ? '' : Buffer.from(text).toString('latin1')
    this.#text = undefined
    // Parsers agree on what an escaped name says, but the members that matter are never written so.
    if (text.includes(backslash)) this.#isOther = true
  }

  #beginValue(): void {
    if (this.#name === '"method"') this.#hasMethod = true
    else if (this.#name === '"result"' || this.#name === '"error"') this.#isOther = true
    else if (this.#name === '"id"') this.#text = []
  }

  #endMember(): void {
    const text = this.#text
    this.#text = undefined
    this.#isName = true
    if (text === undefined) return
    // The last byte is the comma or the brace behind the value.
    const id = idIn(Buffer.from(text.slice(0, -1)))
    this.#isOther = id === undefined || this.#id !== undefined
    this.#id = id
  }
}

/** Returns the text of an id if it is a string or a number; undefined for anything else. */
function idIn(bytes: Buffer): string | undefined {
  if (bytes.length > maxIdLength || !isUtf8(bytes)) return undefined
  const text = bytes.toString('utf8').trim()
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'string' || typeof value === 'number' ? text : undefined
  } catch {
    return undefined
  }
}

/** Returns the id of the request in a body that is not parsed, as JSON text; undefined if it cannot be read. */
export function requestIdIn(body: Buffer): string | undefined {
  const scanner = new IdScanner()
  scanner.take(body)
  return scanner.id()
}
