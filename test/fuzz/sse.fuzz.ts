import { getLines, getMessages } from '@microsoft/fetch-event-source/lib/esm/parse.js'
import { createParser } from 'eventsource-parser'
import type { AnswerRules } from '../../gateway/mcp/handles/answers.ts'
import { UnreadableList } from '../../gateway/mcp/lists.ts'
import { ChangedEvents } from '../../gateway/http/relay/decoded-events.ts'
import type { FuzzTarget } from './main.ts'
import type { Random } from './random.ts'

const hidden = 'delete_a'
const list = (name: string): string => `{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"${name}"}]}}`
const note = '{"jsonrpc":"2.0","method":"notifications/message","params":{"data":"\u2028x\u0085"}}'
const datas = [
  list('get_a'),
  list(hidden),
  list(hidden),
  note,
  '',
  ' ',
  '{"jsonrpc":"2.0","id":2,"result":{}}',
  'ping',
]
const breaks = ['\n', '\r', '\r\n']
const odd = [
  '\ufeff',
  '\ufeff\ufeff',
  '\u0085',
  '\u2028',
  '\u2029',
  '\u000b',
  '\u000c',
  '\u001c',
  '\u0000',
  ' ',
  '\t',
  'x',
]
const names = [
  'data',
  'event',
  'id',
  'retry',
  'DATA',
  'Data',
  'data ',
  ' data',
  '\ufeffdata',
  '',
  'x',
  'dat',
  'data\u0000',
]

function line(random: Random): string {
  const name = random.chance(0.6) ? 'data' : random.pick(names)
  const value = random.chance(0.7)
    ? random.pick(datas)
    : `${random.pick(odd)}data: ${list(hidden)}${random.pick(odd)}`
  const colon = random.pick([':', ': ', ': ', ':  ', ''])
  return (
    (random.chance(0.05) ? random.pick(odd) : '') +
    name +
    colon +
    (random.chance(0.05) ? random.pick(odd) : '') +
    value
  )
}

function stream(random: Random): Buffer {
  let text = random.chance(0.1) ? '\ufeff'.repeat(1 + random.below(3)) : ''
  for (let events = 1 + random.below(4); events > 0; events--) {
    for (let lines = 1 + random.below(3); lines > 0; lines--) text += line(random) + random.pick(breaks)
    if (random.chance(0.9)) text += random.pick(breaks)
  }
  const bytes = Buffer.from(text)
  if (random.chance(0.03)) bytes[random.below(bytes.length)] = random.below(256)
  return bytes
}

/** Splits bytes at random places. */
function chunks(random: Random, bytes: Buffer): Buffer[] {
  const cut: Buffer[] = []
  for (let at = 0; at < bytes.length;) {
    const next = random.chance(0.3) ? at + 1 + random.below(3) : at + 1 + random.below(bytes.length)
    cut.push(bytes.subarray(at, next))
    at = next
  }
  return cut
}

const rules: AnswerRules = {
  expected: new Map(),
  judge: ({ name }) => name?.startsWith('delete') !== true,
  handles: undefined,
  params: undefined,
}

const maxEvent = 1_000_000

/** Returns what the gateway writes for the bytes of an upstream. Ends at the first unreadable byte. */
function filtered(pieces: readonly Buffer[], limit = maxEvent): Buffer[] {
  const out: Buffer[] = []
  const sink = { write: (bytes: Buffer) => void out.push(bytes), finish() {}, pause() {}, resume() {} }
  const fail = (error: unknown): void => {
    if (!(error instanceof UnreadableList) && !(error instanceof SyntaxError)) throw error
  }
  const events = new ChangedEvents(rules, { ...sink, fail }, limit)
  for (const piece of pieces) events.take(piece)
  events.end()
  return out
}

function readByParser(pieces: readonly Buffer[]): string[] {
  const found: string[] = []
  const parser = createParser({ onEvent: ({ data }) => void found.push(data) })
  const decoder = new TextDecoder()
  for (const piece of pieces) parser.feed(decoder.decode(piece, { stream: true }))
  return found
}

function readByFetch(pieces: readonly Buffer[]): string[] {
  const found: string[] = []
  const onLine = getLines(
    getMessages(
      () => {},
      () => {},
      ({ data }) => void found.push(data),
    ),
  )
  for (const piece of pieces) onLine(new Uint8Array(piece))
  return found
}

/** A lenient reader: it accepts every line break of Python, drops marks and blanks, and ignores case. */
function readLoosely(pieces: readonly Buffer[]): string[] {
  // oxlint-disable-next-line no-control-regex
  const breaksOfLines = /\r\n|[\n\r\u000b\u000c\u001c-\u001e\u0085\u2028\u2029\u0000]/
  const lines = Buffer.concat(pieces).toString('utf8').split(breaksOfLines)
  return lines.flatMap(one => {
    const [, value] = /^[\ufeff\s]*data\s*:(.*)$/i.exec(one) ?? []
    return value === undefined ? [] : [value]
  })
}

const target: FuzzTarget = {
  cases: 300_000,
  run(random) {
    const bytes = stream(random)
    // With a low limit, most events come in parts.
    const limit = random.chance(0.2) ? 8 : maxEvent
    const out = filtered(chunks(random, bytes), limit)
    const again = chunks(random, Buffer.concat(out))
    for (const read of [readByParser, readByFetch, readLoosely]) {
      for (const data of read(again)) {
        if (!data.includes(`"result":{"tools":[{"name":"${hidden}"`)) continue
        throw new Error(`${read.name} saw ${data}\nread: ${JSON.stringify(bytes.toString())}`)
      }
    }
    // One of the readers drops empty lines at the start of data.
    const [one, other] = [readByParser(again), readByFetch(again)].map(found =>
      found.map(data => data.trim()).filter(data => data !== ''),
    )
    if (JSON.stringify(one) !== JSON.stringify(other))
      throw new Error(`two readers see different events\nread: ${JSON.stringify(bytes.toString())}`)
    if (limit < maxEvent) return
    const whole = Buffer.concat(filtered([bytes]))
    if (!whole.equals(Buffer.concat(out)))
      throw new Error(`another answer in other chunks\nread: ${JSON.stringify(bytes.toString())}`)
  },
}

export default target
