// llhttp and http-parser-js must read what the gateway's reader accepts in the same way: status, headers, body and end. The
// gateway may refuse more. The places where the bytes are split must not matter.
import { isDeepStrictEqual } from 'node:util'
import { cut, readAnswer } from '../fixtures/answers.ts'
import { makeAnswer } from './http-answers.ts'
import { createLlhttpReader, readByByte, readByScript, type Reading } from './http-readers.ts'
import type { FuzzTarget } from './main.ts'

const readers = { llhttp: createLlhttpReader(), 'http-parser-js': readByScript }
const minAcceptedShare = 0.2
let cases = 0
let accepted = 0

const target: FuzzTarget = {
  cases: 120_000,
  run(random) {
    const bytes = makeAnswer(random)
    const ours = readByByte(bytes)
    cases++
    checkCuts(
      bytes,
      ours,
      cut(bytes, () => random.below(2 ** 20) / 2 ** 20),
    )
    if (ours === undefined) return
    accepted++
    for (const [name, read] of Object.entries(readers)) {
      if (name === 'http-parser-js' && isMisread(ours)) continue
      // The rest is another response, in which http-parser-js can loop for ever.
      const theirs = read(name === 'llhttp' ? bytes : bytes.subarray(0, ours.end))
      if (!isDeepStrictEqual(theirs, ours)) throw differs(bytes, ours, name, theirs)
    }
  },
  close() {
    if (cases > 1000 && accepted < cases * minAcceptedShare)
      throw new Error(`only ${accepted} of ${cases} answers were accepted`)
  },
}
export default target

/** Returns whether http-parser-js expects a body where there is none (RFC 9112 §6.3). */
function isMisread({ status, headers }: Reading): boolean {
  const announces = headers['content-length'] ?? headers['transfer-encoding']
  return (status === 204 || status === 304) && announces !== undefined
}

/** Reads the same bytes at once, and in chunks. */
function checkCuts(bytes: Buffer, ours: Reading | undefined, pieces: readonly Buffer[]): void {
  for (const given of [[bytes], pieces]) {
    const { end, status, headers, body } = readAnswer(given)
    const isWhole = end === 'reusable' || end === 'closed'
    const lists = Object.entries(headers).map(([name, value]) => [name, [value ?? []].flat()])
    const same = isWhole
      ? ours?.status === status &&
        ours.body === body &&
        isDeepStrictEqual(Object.entries(ours.headers), lists)
      : ours === undefined
    if (!same) throw differs(bytes, ours, `${given.length} pieces`, { end, status, headers, body })
  }
}

function differs(bytes: Buffer, ours: unknown, name: string, theirs: unknown): Error {
  const shown = JSON.stringify(bytes.toString('latin1'))
  return new Error(`${shown}\nbyte by byte: ${JSON.stringify(ours)}\n${name}: ${JSON.stringify(theirs)}`)
}
