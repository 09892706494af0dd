/** Longest beginning of a message that is kept between chunks, to learn what the message is. */
const maxBeginning = 1024

/** Bytes of a chunk that are read first. */
const firstBytes = 2048

/** The name of the first member of a message that is neither its version nor its id. */
const firstMember =
  /[ \t]*\{[ \t]*(?:"(?:jsonrpc|id)"[ \t]*:[ \t]*(?:"(?:[^"\\\r\n]|\\[^\r\n])*"|[^",{}[\]\s]+)[ \t]*,[ \t]*)*"(?!(?:jsonrpc|id)")([^"\\\r\n]*)"[ \t]*:/y

/** How much of the response to a request a stream has brought. */
export type Answered = 'no' | 'maybe' | 'yes'

/**
 * Follows the events of a stream to learn whether they answer its requests. It reads only how each message begins, and
 * nothing after the response. A class, because there may be ten thousand.
 */
export class AnswerWatch {
  /** Requests that are not answered yet. */
  #missing: number
  #isUnclear = false
  /** Text that is read again with the next chunk, because what it begins with is not known. */
  #rest = '\n'

  /** @param requests the number of requests that the stream answers */
  constructor(requests: number) {
    this.#missing = requests
  }

  /**
   * Returns whether every request has its response; `maybe` if a message was not recognized, or a batch is answered in
   * part.
   */
  answered(): Answered {
    return this.#missing <= 0 ? 'yes' : this.#isUnclear ? 'maybe' : 'no'
  }

  /** Takes the next bytes of the stream. */
  see(chunk: Buffer): void {
    // A response mostly begins with its first chunk, and the rest of it need not be read.
    if (chunk.length <= firstBytes) this.#scan(chunk)
    else {
      this.#scan(chunk.subarray(0, firstBytes))
      this.#scan(chunk.subarray(firstBytes))
    }
  }

  #scan(chunk: Buffer): void {
    if (this.#missing <= 0) return
    const text = this.#rest + chunk.toString('latin1')
    let at = 0
    for (;;) {
      const field = text.indexOf('data:', at)
      if (field === -1) break
      at = field + 5
      const before = text.charCodeAt(field - 1)
      if (before !== 10 && before !== 13) continue
      if (!this.#read(text, at)) {
        this.#rest = text.slice(field - 1)
        return
      }
      if (this.#missing <= 0) break
    }
    this.#rest = text.slice(Math.max(at, text.length - 5))
  }

  /** Reads the beginning of a message; returns false if it is not all there. */
  #read(text: string, at: number): boolean {
    firstMember.lastIndex = at
    const name = firstMember.exec(text)?.[1]
    if (name === 'method' || name === 'params') return true
    if (name === 'result' || name === 'error') {
      this.#missing--
      if (this.#missing > 0) this.#isUnclear = true
      return true
    }
    const line = text.slice(at, at + maxBeginning)
    const isWhole = line.length === maxBeginning || /[\r\n]/.test(line)
    if (name === undefined && !isWhole) return false
    // What is not an object or a batch is not a message.
    if (/^[ \t]*[{[]/.test(line)) this.#isUnclear = true
    return true
  }
}
