import type { IncomingHttpHeaders } from 'node:http'
import { ChunkReader, type ContentSink } from './chunks.ts'
import { createFields, readField, readStatusLine, type StatusLine } from './fields.ts'
import { checkTrailers, framingOf, isPersistent } from './framing.ts'
import { malformed, WireError } from './wire-error.ts'

/** Largest number of bytes and fields of a head, and of trailers. The table of refusals names them. */
const maxSection = 16 * 1024
const maxFields = 200
/** Largest number of informational responses before the final one. */
const maxInformational = 100
/** Bytes that are decoded at a time while fields are read: heads are short, but what follows may be long. */
const maxLookaheadBytes = 2048

/** Receives a response as it is read. */
export interface AnswerSink {
  /** Final status and headers; informational ones are not reported. Names are in lower case; a repeated field is a list. */
  onHead(status: number, headers: IncomingHttpHeaders): void
  /** Content of the body, at most once per `read`; the sink may keep the bytes. */
  onBody(bytes: Buffer): void
  /** @param reusable whether the connection may carry another request: the response allows it, and no bytes follow */
  onEnd(reusable: boolean): void
}

type Place = 'head' | 'sized' | 'chunked' | 'trailers' | 'unsized' | 'over'

/**
 * Parses HTTP/1.1 responses (RFC 9112) to requests other than HEAD and CONNECT, one after another, from chunks of any size.
 * A class, because every stream keeps one: as closures, ten thousand of them take about 20 MB more.
 */
export class AnswerReader implements ContentSink {
  readonly #sink: AnswerSink
  #place: Place = 'head'
  /** The unfinished line, and what was read of its section. */
  #begun = ''
  #sectionBytes = 0
  #fieldCount = 0
  #line: StatusLine | undefined
  #fields: IncomingHttpHeaders | undefined
  #informational = 0
  #persistent = false
  /** Remaining bytes of the body. */
  #left = 0
  #chunks: ChunkReader | undefined
  /** Content of the body that the current `read` found. */
  #content: Buffer | undefined
  #contentLength = 0

  constructor(sink: AnswerSink) {
    this.#sink = sink
  }

  /**
   * Parses the first bytes of a buffer, which may be overwritten afterwards. Throws `answer_malformed` or
   * `answer_head_too_large`; the parser is unusable after that.
   */
  read(bytes: Buffer, length: number): void {
    let at
    try {
      at = this.#readOn(bytes, length)
    } finally {
      this.#giveContent()
    }
    if (this.#place !== 'over') return
    this.#begin('head')
    this.#sink.onEnd(this.#persistent && at === length)
  }

  /** The upstream closed its side; returns whether that completes the response. If so, the sink was told. */
  close(): boolean {
    if (this.#place !== 'unsized') return false
    this.#begin('head')
    this.#sink.onEnd(false)
    return true
  }

  /** Takes content of the body, also from the chunk parser. */
  take(bytes: Buffer, from: number, to: number, most: number): void {
    this.#content ??= Buffer.allocUnsafe(most)
    this.#contentLength += bytes.copy(this.#content, this.#contentLength, from, to)
  }

  #readOn(bytes: Buffer, length: number): number {
    let at = 0
    for (;;) {
      if (at === length || this.#place === 'over') return at
      const inSection = this.#place === 'head' || this.#place === 'trailers'
      at = inSection ? this.#readSection(bytes, at, length) : this.#readBody(bytes, at, length)
    }
  }

  #begin(next: Place): void {
    this.#place = next
    this.#begun = ''
    this.#sectionBytes = 0
    this.#fieldCount = 0
    this.#fields = undefined
  }

  /** Parses lines up to the empty one; returns the position of the next byte. */
  #readSection(bytes: Buffer, from: number, to: number): number {
    const end = Math.min(to, from + maxLookaheadBytes)
    const carried = this.#begun.length
    const text = this.#begun + bytes.toString('latin1', from, end)
    let at = 0
    for (;;) {
      const lineFeed = text.indexOf('\n', at)
      if (lineFeed === -1) break
      if (lineFeed === at || text.charCodeAt(lineFeed - 1) !== 13)
        malformed('has a line that does not end in CRLF')
      const lineEnd = lineFeed - 1
      this.#sectionBytes += lineFeed + 1 - at
      if (this.#sectionBytes > maxSection) throw headTooLarge()
      if (this.#place === 'head' && this.#line === undefined) this.#line = readStatusLine(text, at, lineEnd)
      else if (lineEnd > at) {
        if (++this.#fieldCount > maxFields) throw headTooLarge()
        readField(text, at, lineEnd, (this.#fields ??= createFields()))
      } else {
        this.#endSection(this.#fields ?? createFields())
        return from + lineFeed + 1 - carried
      }
      at = lineFeed + 1
    }
    this.#begun = text.slice(at)
    if (this.#sectionBytes + this.#begun.length > maxSection) throw headTooLarge()
    return end
  }

  #endSection(fields: IncomingHttpHeaders): void {
    if (this.#place === 'trailers') {
      checkTrailers(fields)
      this.#begin('over')
      return
    }
    const { status, minor } = this.#line!
    const framing = framingOf(status, minor, fields)
    this.#line = undefined
    if (status === 101) malformed('switches protocols unasked')
    if (status < 200) {
      if (++this.#informational > maxInformational) malformed('follows too many informational ones')
      this.#begin('head')
      return
    }
    this.#informational = 0
    this.#persistent = framing !== 'close' && isPersistent(status, minor, fields)
    if (framing === 'close') this.#begin('unsized')
    else if (framing === 'chunked') {
      this.#begin('chunked')
      this.#chunks = new ChunkReader()
    } else {
      this.#begin(framing === 0 ? 'over' : 'sized')
      this.#left = framing
    }
    this.#sink.onHead(status, fields)
  }

  /** Parses content of the body, or what is between its chunks; returns the position of the next byte. */
  #readBody(bytes: Buffer, from: number, to: number): number {
    if (this.#place === 'chunked') {
      const next = this.#chunks!.read(bytes, from, to, this)
      if (this.#chunks!.isLast()) this.#begin('trailers')
      return next
    }
    const end = this.#place === 'sized' ? Math.min(to, from + this.#left) : to
    this.take(bytes, from, end, end - from)
    this.#left -= end - from
    if (this.#place === 'sized' && this.#left === 0) this.#begin('over')
    return end
  }

  #giveContent(): void {
    const content = this.#content
    if (content === undefined) return
    const given = this.#contentLength === content.length ? content : content.subarray(0, this.#contentLength)
    this.#content = undefined
    this.#contentLength = 0
    this.#sink.onBody(given)
  }
}

function headTooLarge(): WireError {
  return new WireError(
    'answer_head_too_large',
    `the upstream's answer has a head of more than ${maxSection} bytes or ${maxFields} fields`,
  )
}
