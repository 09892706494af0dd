import { isTokenCode } from './fields.ts'
import { malformed } from './wire-error.ts'

/** Largest number of digits of a chunk size, and the largest size. */
const maxDigits = 8
const maxChunk = 2 ** 31 - 1
/** Largest number of bytes of chunk extensions in one response: only attackers send them. */
const maxExtensions = 4096

/** Takes content of the body in place; `most` is what this `read` can still yield, including it. */
export interface ContentSink {
  take(bytes: Buffer, from: number, to: number, most: number): void
}

type Place = 'size' | 'extension' | 'size-lf' | 'data' | 'data-cr' | 'data-lf' | 'last'

/** Parses the chunks of one body (RFC 9112 §7.1), from pieces of any size. */
export class ChunkReader {
  #place: Place = 'size'
  #size = 0
  #digits = 0
  #extensions = 0
  /** State within an extension: whether a word has begun, and whether it is the value. */
  #inWord = false
  #hasValue = false

  /**
   * Parses until the bytes end, or until the end of the last chunk's line, where the trailers begin. Throws
   * `answer_malformed`.
   *
   * @returns the position of the next byte
   */
  read(bytes: Buffer, from: number, to: number, sink: ContentSink): number {
    let at = from
    while (at < to && this.#place !== 'last') {
      if (this.#place === 'data') {
        const end = Math.min(to, at + this.#size)
        sink.take(bytes, at, end, to - at)
        this.#size -= end - at
        at = end
        if (this.#size === 0) this.#place = 'data-cr'
        continue
      }
      const code = bytes[at++]!
      if (this.#place === 'size') this.#readSize(code)
      else if (this.#place === 'extension') this.#readExtension(code)
      else if (this.#place === 'size-lf') this.#readLineEnd(code)
      else if (code !== (this.#place === 'data-cr' ? 13 : 10))
        malformed('has a chunk that is longer than its size')
      else this.#place = this.#place === 'data-cr' ? 'data-lf' : 'size'
    }
    return at
  }

  /** Returns whether the last chunk's line was read. */
  isLast(): boolean {
    return this.#place === 'last'
  }

  #readSize(code: number): void {
    const digit = hexDigit(code)
    if (digit >= 0) {
      this.#size = this.#size * 16 + digit
      if (++this.#digits > maxDigits || this.#size > maxChunk) malformed('has a chunk that is too large')
    } else if (this.#digits === 0) malformed('has a chunk without a size')
    else if (code === 13) this.#place = 'size-lf'
    else if (code === 59) this.#beginExtension()
    else malformed('has a chunk size that is not hexadecimal')
  }

  /** Parses any number of `;name` or `;name=word`. Quoted values, which nobody sends, are refused. */
  #readExtension(code: number): void {
    if (++this.#extensions > maxExtensions) malformed('has chunk extensions that are too long')
    if (isTokenCode(code)) this.#inWord = true
    else if (!this.#inWord) malformed('has a malformed chunk extension')
    else if (code === 13) this.#place = 'size-lf'
    else if (code === 59) this.#beginExtension()
    else if (code === 61 && !this.#hasValue) {
      this.#inWord = false
      this.#hasValue = true
    } else malformed('has a malformed chunk extension')
  }

  #beginExtension(): void {
    this.#place = 'extension'
    this.#inWord = false
    this.#hasValue = false
  }

  #readLineEnd(code: number): void {
    if (code !== 10) malformed('has a chunk size that does not end in CRLF')
    this.#place = this.#size === 0 ? 'last' : 'data'
    this.#digits = 0
  }
}

/** Returns the value of a hexadecimal digit; -1 if it is not one. */
function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48
  const lower = code | 32
  return lower >= 97 && lower <= 102 ? lower - 87 : -1
}
