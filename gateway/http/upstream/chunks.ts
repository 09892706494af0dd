import { isTokenCode } from './fields.ts'
import { malformed } from './wire-error.ts'

/** Digits of a chunk's size, and the largest size. */
const maxDigits = 8
const maxChunk = 2 ** 31 - 1
/** Bytes of chunk extensions in one answer; nobody uses them but to waste time. */
const maxExtensions = 4096

/** Reads chunks (RFC 9112 §7.1), wherever the bytes are cut. */
export interface ChunkReader {
  /**
   * Reads on until the bytes end or the last chunk's line has ended, after which the trailers begin. Throws
   * `answer_malformed`.
   *
   * @param take is given where content of the body stands
   * @returns where the next byte to be read is
   */
  read(bytes: Uint8Array, from: number, to: number, take: (from: number, to: number) => void): number
  /** Whether the last chunk's line was read. */
  isLast(): boolean
  /** Begins anew. */
  reset(): void
}

type Place = 'size' | 'extension' | 'size-lf' | 'data' | 'data-cr' | 'data-lf' | 'last'

/** Makes a reader for one body after another. */
export function createChunkReader(): ChunkReader {
  let place: Place = 'size'
  let size = 0
  let digits = 0
  let extensions = 0
  /** In an extension: whether a word has begun, and whether it is the value. */
  let inWord = false
  let hasValue = false

  function readSize(code: number): void {
    const digit = hexDigit(code)
    if (digit >= 0) {
      size = size * 16 + digit
      if (++digits > maxDigits || size > maxChunk) malformed('has a chunk that is too large')
    } else if (digits === 0) malformed('has a chunk without a size')
    else if (code === 13) place = 'size-lf'
    else if (code === 59) beginExtension()
    else malformed('has a chunk size that is not hexadecimal')
  }

  /** Reads `;name` or `;name=word` as often as it is there. Quoted values, which nobody sends, are refused. */
  function readExtension(code: number): void {
    if (++extensions > maxExtensions) malformed('has chunk extensions that are too long')
    if (isTokenCode(code)) inWord = true
    else if (!inWord) malformed('has a malformed chunk extension')
    else if (code === 13) place = 'size-lf'
    else if (code === 59) beginExtension()
    else if (code === 61 && !hasValue) {
      inWord = false
      hasValue = true
    } else malformed('has a malformed chunk extension')
  }

  function beginExtension(): void {
    place = 'extension'
    inWord = false
    hasValue = false
  }

  function readLineEnd(code: number): void {
    if (code !== 10) malformed('has a chunk size that does not end in CRLF')
    place = size === 0 ? 'last' : 'data'
    digits = 0
  }

  return {
    read(bytes, from, to, take) {
      let at = from
      while (at < to && place !== 'last') {
        if (place === 'data') {
          const end = Math.min(to, at + size)
          take(at, end)
          size -= end - at
          at = end
          if (size === 0) place = 'data-cr'
          continue
        }
        const code = bytes[at++]!
        if (place === 'size') readSize(code)
        else if (place === 'extension') readExtension(code)
        else if (place === 'size-lf') readLineEnd(code)
        else if (code !== (place === 'data-cr' ? 13 : 10))
          malformed('has a chunk that is longer than its size')
        else place = place === 'data-cr' ? 'data-lf' : 'size'
      }
      return at
    },
    isLast: () => place === 'last',
    reset() {
      place = 'size'
      size = 0
      digits = 0
      extensions = 0
    },
  }
}

/** The value of a hexadecimal digit; -1 where it is none. */
function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48
  const lower = code | 32
  return lower >= 97 && lower <= 102 ? lower - 87 : -1
}
