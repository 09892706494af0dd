import type { IncomingHttpHeaders } from 'node:http'
import { createChunkReader } from './chunks.ts'
import { readField, readStatusLine, type StatusLine } from './fields.ts'
import { checkTrailers, framingOf, isPersistent } from './framing.ts'
import { malformed } from './wire-error.ts'

/** Bytes and fields of a head, and of trailers. */
const maxSection = 16 * 1024
const maxFields = 200
/** Informational answers before the one that counts. */
const maxInformational = 100
/** How much is looked at at a time while a section of fields is read: heads are short, what follows them may not be. */
const glance = 2048

/** Takes an answer as it is read. */
export interface AnswerSink {
  /** The final status; informational ones are not told. Names are in lower case, a repeated field is a list. */
  head(status: number, headers: IncomingHttpHeaders): void
  /** Content of the body, at most once per `read`; the bytes are the sink's to keep. */
  body(bytes: Buffer): void
  /** @param reusable whether the connection may carry another request: the answer allows it, and nothing came after it */
  end(reusable: boolean): void
}

/** Reads HTTP/1.1 answers (RFC 9112), one after another, wherever the bytes are cut. */
export interface AnswerReader {
  /**
   * Reads the first bytes of a buffer, which may be overwritten afterwards. Throws `answer_malformed`; the reader is
   * of no use after that.
   */
  read(bytes: Buffer, length: number): void
  /** The upstream closed its side; returns whether that makes the answer whole, and has told the sink then. */
  close(): boolean
}

type Place = 'head' | 'sized' | 'chunked' | 'trailers' | 'unsized' | 'over'

/** Makes a reader of answers to requests that are not HEAD or CONNECT. */
export function createAnswerReader(sink: AnswerSink): AnswerReader {
  const chunks = createChunkReader()
  let place: Place = 'head'
  /** The line that has begun and not ended, and what was read of the section that it stands in. */
  let begun = ''
  let sectionBytes = 0
  let fields = 0
  let line: StatusLine | undefined
  let headers = emptyHeaders()
  let informational = 0
  let persistent = false
  /** Bytes of the body that are still to come. */
  let left = 0
  /** What a `read` found of the body. */
  let content: Buffer | undefined
  let contentLength = 0

  function begin(next: Place): void {
    place = next
    begun = ''
    sectionBytes = 0
    fields = 0
    headers = emptyHeaders()
  }

  /** Reads lines up to the empty one; returns where the next byte to be read is. */
  function readSection(bytes: Buffer, from: number, to: number): number {
    const end = Math.min(to, from + glance)
    const carried = begun.length
    const text = begun + bytes.toString('latin1', from, end)
    let at = 0
    for (;;) {
      const lineFeed = text.indexOf('\n', at)
      if (lineFeed === -1) break
      if (lineFeed === at || text.charCodeAt(lineFeed - 1) !== 13)
        malformed('has a line that does not end in CRLF')
      const lineEnd = lineFeed - 1
      sectionBytes += lineFeed + 1 - at
      if (sectionBytes > maxSection) malformed('has a head that is too large')
      if (place === 'head' && line === undefined) line = readStatusLine(text, at, lineEnd)
      else if (lineEnd > at) {
        if (++fields > maxFields) malformed('has too many headers')
        readField(text, at, lineEnd, headers)
      } else {
        endSection()
        return from + lineFeed + 1 - carried
      }
      at = lineFeed + 1
    }
    begun = text.slice(at)
    if (sectionBytes + begun.length > maxSection) malformed('has a head that is too large')
    return end
  }

  function endSection(): void {
    if (place === 'trailers') {
      checkTrailers(headers)
      begin('over')
    } else {
      const { status, minor } = line!
      const framing = framingOf(status, minor, headers)
      line = undefined
      if (status === 101) malformed('switches protocols unasked')
      if (status < 200) {
        if (++informational > maxInformational) malformed('follows too many informational ones')
        begin('head')
        return
      }
      informational = 0
      persistent = framing !== 'close' && isPersistent(status, minor, headers)
      const told = headers
      if (framing === 'close') begin('unsized')
      else if (framing === 'chunked') {
        begin('chunked')
        chunks.reset()
      } else {
        begin(framing === 0 ? 'over' : 'sized')
        left = framing
      }
      sink.head(status, told)
    }
  }

  /** Reads content of the body, or what stands between its chunks; returns where the next byte to be read is. */
  function readBody(bytes: Buffer, from: number, to: number): number {
    if (place === 'chunked') {
      const next = chunks.read(bytes, from, to, (start, end) => take(bytes, start, end, to - start))
      if (chunks.isLast()) begin('trailers')
      return next
    }
    const end = place === 'sized' ? Math.min(to, from + left) : to
    take(bytes, from, end, end - from)
    left -= end - from
    if (place === 'sized' && left === 0) begin('over')
    return end
  }

  /** @param most what there can still be in this `read`, these bytes with it */
  function take(bytes: Buffer, from: number, to: number, most: number): void {
    content ??= Buffer.allocUnsafe(most)
    contentLength += bytes.copy(content, contentLength, from, to)
  }

  function giveContent(): void {
    if (content === undefined) return
    const given = contentLength === content.length ? content : content.subarray(0, contentLength)
    content = undefined
    contentLength = 0
    sink.body(given)
  }

  function readOn(bytes: Buffer, length: number): number {
    let at = 0
    for (;;) {
      if (at === length || place === 'over') return at
      const inSection = place === 'head' || place === 'trailers'
      at = inSection ? readSection(bytes, at, length) : readBody(bytes, at, length)
    }
  }

  return {
    read(bytes, length) {
      let at
      try {
        at = readOn(bytes, length)
      } finally {
        giveContent()
      }
      if (place !== 'over') return
      begin('head')
      sink.end(persistent && at === length)
    },
    close() {
      if (place !== 'unsized') return false
      begin('head')
      sink.end(false)
      return true
    },
  }
}

/** Without a prototype, so that no name stands for anything that the upstream did not send. */
function emptyHeaders(): IncomingHttpHeaders {
  return Object.create(null) as IncomingHttpHeaders
}
