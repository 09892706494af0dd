import { request } from 'node:http'
import { Duplex } from 'node:stream'
import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import { cut, randomNumbers, readAnswer, type Outcome } from './fixtures/answers.ts'

const json = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n'
const sized = (body: string, more = ''): string =>
  `${json}${more}Content-Length: ${body.length}\r\n\r\n${body}`
const chunked = (body: string, more = ''): string => `${json}${more}Transfer-Encoding: chunked\r\n\r\n${body}`
const withHeader = (header: string): string => sized('{}', `${header}\r\n`)
const many = (count: number): string => 'a: b\r\n'.repeat(count)
const bad = 'malformed'

type Row = [name: string, answer: string, end: Outcome['end'], body?: string]

const rows: Row[] = [
  ['a length', sized('{"a":1}'), 'reusable', '{"a":1}'],
  ['an end that is announced by the older name', sized('{}', 'Proxy-Connection: close\r\n'), 'closed', '{}'],
  [
    'an informational answer that ends the connection by the older name',
    `HTTP/1.1 103 Early Hints\r\nProxy-Connection: close\r\n\r\n${sized('{}')}`,
    bad,
  ],
  ['a length of nothing', sized(''), 'reusable', ''],
  ['a length with zeros before it', `${json}Content-Length: 0002\r\n\r\n{}`, 'reusable', '{}'],
  ['chunks', chunked('2\r\n{"\r\n00005\r\na":1}\r\n0\r\n\r\n'), 'reusable', '{"a":1}'],
  [
    'chunks with sizes in both cases',
    chunked(`a\r\n${'x'.repeat(10)}\r\nB\r\n${'y'.repeat(11)}\r\n0\r\n\r\n`),
    'reusable',
    'x'.repeat(10) + 'y'.repeat(11),
  ],
  [
    'more chunks than a size has digits',
    chunked(`${'1\r\nx\r\n'.repeat(20)}0\r\n\r\n`),
    'reusable',
    'x'.repeat(20),
  ],
  ['no chunk but the last', chunked('0\r\n\r\n'), 'reusable', ''],
  ['a coding in capitals', `${json}Transfer-Encoding:Chunked \r\n\r\n0\r\n\r\n`, 'reusable', ''],
  ['chunk extensions', chunked('2;a;b=c\r\n{}\r\n0;d\r\n\r\n'), 'reusable', '{}'],
  ['chunk extensions that each have a value', chunked('2;a=b;c=d\r\n{}\r\n0\r\n\r\n'), 'reusable', '{}'],
  ['a chunk extension with a space', chunked('2; a=b\r\n{}\r\n0\r\n\r\n'), bad],
  ['trailers', chunked('2\r\n{}\r\n0\r\nX-Sum: 1\r\nX-Sum: 2\r\n\r\n'), 'reusable', '{}'],
  ['no length', `${json}\r\n{}`, 'closed', '{}'],
  ['no length and nothing', `${json}\r\n`, 'closed', ''],
  ['no reason', 'HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n', 'reusable', ''],
  ['an empty reason', 'HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n', 'reusable', ''],
  ['a reason in latin1', 'HTTP/1.1 200 d\xe9j\xe0\r\nContent-Length: 0\r\n\r\n', 'reusable', ''],
  ['204', 'HTTP/1.1 204 No Content\r\n\r\n', 'reusable', ''],
  ['304 with a length', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n', 'closed', ''],
  ['204 with a length', 'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n', 'closed', ''],
  ['204 with a length of nothing', 'HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n', 'reusable', ''],
  ['204 with chunks', 'HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n', 'closed', ''],
  ['Connection: close', withHeader('Connection: close'), 'closed', '{}'],
  ['Connection: close among others', withHeader('Connection: X-A , CLOSE'), 'closed', '{}'],
  [
    'Connection: close in a second header',
    withHeader('Connection: X-A\r\nConnection: close'),
    'closed',
    '{}',
  ],
  ['Connection: keep-alive', withHeader('Connection: keep-alive'), 'reusable', '{}'],
  ['Connection: closed', withHeader('Connection: closed'), 'reusable', '{}'],
  ['HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\n{}', 'closed', '{}'],
  ['HTTP/1.0 without a length', 'HTTP/1.0 200 OK\r\n\r\n{}', 'closed', '{}'],
  [
    'informational answers before',
    `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n${sized('{}')}`,
    'reusable',
    '{}',
  ],
  [
    '100 informational answers',
    'HTTP/1.1 102 Processing\r\n\r\n'.repeat(100) + sized('{}'),
    'reusable',
    '{}',
  ],
  ['bytes behind a length', `${sized('{}')}x`, 'closed', '{}'],
  ['another answer behind', sized('{}').repeat(2), 'closed', '{}'],
  ['bytes behind the last chunk', `${chunked('0\r\n\r\n')}x`, 'closed', ''],
  ['a body behind 204', 'HTTP/1.1 204 No Content\r\n\r\nx', 'closed', ''],
  ['a header without a value', withHeader('X-A:'), 'reusable', '{}'],
  ['space and tab around a value', withHeader('X-A: \t b \t'), 'reusable', '{}'],
  ['200 headers', `HTTP/1.1 204 x\r\n${many(200)}\r\n`, 'reusable', ''],
  ['nothing', '', 'open'],
  ['half a head', json, 'open'],
  ['half a body', sized('{"a":1}').slice(0, -1), 'open', '{"a":1'],
  ['half a chunk', chunked('5\r\n{"a'), 'open', '{"a'],
  ['no last chunk', chunked('2\r\n{}\r\n'), 'open', '{}'],
  ['no line after the last chunk', chunked('2\r\n{}\r\n0\r\n'), 'open', '{}'],
  ['only an informational answer', 'HTTP/1.1 100 Continue\r\n\r\n', 'open'],

  ['another protocol', 'SMTP 220 hello\r\n\r\n', bad],
  ['HTTP/2', 'HTTP/2.0 200 OK\r\n\r\n', bad],
  ['HTTP/0.9', 'HTTP/0.9 200 OK\r\n\r\n', bad],
  ['HTTP/1.2', 'HTTP/1.2 200 OK\r\n\r\n', bad],
  ['HTTP/1.10', 'HTTP/1.10 200 OK\r\n\r\n', bad],
  ['http in lower case', 'http/1.1 200 OK\r\n\r\n', bad],
  ['an empty line before', `\r\n${sized('{}')}`, bad],
  ['a space before', ` ${sized('{}')}`, bad],
  ['two spaces before the status', 'HTTP/1.1  200 OK\r\n\r\n', bad],
  ['a tab before the status', 'HTTP/1.1\t200 OK\r\n\r\n', bad],
  ['a status of two digits', 'HTTP/1.1 20 OK\r\n\r\n', bad],
  ['a status of four digits', 'HTTP/1.1 2000 OK\r\n\r\n', bad],
  ['a status of letters', 'HTTP/1.1 2x0 OK\r\n\r\n', bad],
  ['a status of 000', 'HTTP/1.1 000 OK\r\n\r\n', bad],
  ['a status of 99', 'HTTP/1.1 099 OK\r\n\r\n', bad],
  ['a status of 600', 'HTTP/1.1 600 OK\r\n\r\n', bad],
  ['a status that goes on', 'HTTP/1.1 200OK\r\n\r\n', bad],
  ['a NUL in the reason', 'HTTP/1.1 200 O\0K\r\n\r\n', bad],
  ['a carriage return in the reason', 'HTTP/1.1 200 O\rK\r\n\r\n', bad],
  ['a switch of protocols', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n', bad],
  [
    'an informational answer with a length',
    `HTTP/1.1 100 Continue\r\nContent-Length: 2\r\n\r\n${sized('{}')}`,
    bad,
  ],
  [
    'an informational answer with chunks',
    `HTTP/1.1 103 x\r\nTransfer-Encoding: chunked\r\n\r\n${sized('{}')}`,
    bad,
  ],
  ['101 informational answers', 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(101) + sized('{}'), bad],
  ['lines that end in LF', sized('{}').replaceAll('\r\n', '\n'), bad],
  ['one line that ends in LF', withHeader('X-A: b\nX-C: d'), bad],
  ['a head that ends in LF', `${json}Content-Length: 2\r\n\n{}`, bad],
  ['a status line that ends in LF', 'HTTP/1.1 204 x\n\r\n', bad],
  ['a carriage return in a value', withHeader('X-A: b\rc'), bad],
  ['two carriage returns', withHeader('X-A: b\r'), bad],
  ['a NUL in a value', withHeader('X-A: b\0'), bad],
  ['a bell in a value', withHeader('X-A: \x07'), bad],
  ['a DEL in a value', withHeader('X-A: \x7f'), bad],
  ['a space before the colon', withHeader('X-A : b'), bad],
  ['a tab before the colon', withHeader('Content-Length\t: 3'), bad],
  ['a name with a space', withHeader('X A: b'), bad],
  ['a name with a bracket', withHeader('X(A): b'), bad],
  ['a name beyond ASCII', withHeader('X-\xe9: b'), bad],
  ['no name', withHeader(': b'), bad],
  ['no colon', withHeader('X-A'), bad],
  ['a continued line', withHeader('X-A: b\r\n c'), bad],
  ['a continued line with a tab', withHeader('X-A: b\r\n\tc'), bad],
  ['a space before the first header', 'HTTP/1.1 200 OK\r\n X-A: b\r\n\r\n', bad],
  ['the same length twice', withHeader('Content-Length: 2'), bad],
  ['two lengths', withHeader('Content-Length: 3'), bad],
  ['a list of lengths', `${json}Content-Length: 2, 2\r\n\r\n{}`, bad],
  ['a signed length', `${json}Content-Length: +2\r\n\r\n{}`, bad],
  ['a negative length', `${json}Content-Length: -2\r\n\r\n{}`, bad],
  ['a hexadecimal length', `${json}Content-Length: 0x2\r\n\r\n{}`, bad],
  ['a length with a fraction', `${json}Content-Length: 2.0\r\n\r\n{}`, bad],
  ['a length with an exponent', `${json}Content-Length: 2e0\r\n\r\n{}`, bad],
  ['a length with a space within', `${json}Content-Length: 2 0\r\n\r\n{}`, bad],
  ['an empty length', `${json}Content-Length:\r\n\r\n{}`, bad],
  ['a length of 2^53', `${json}Content-Length: 9007199254740992\r\n\r\n{}`, bad],
  ['a length beyond 2^64', `${json}Content-Length: 18446744073709551618\r\n\r\n{}`, bad],
  ['a length and chunks', chunked('2\r\n{}\r\n0\r\n\r\n', 'Content-Length: 2\r\n'), bad],
  [
    'chunks and a length',
    `${json}Transfer-Encoding: chunked\r\nContent-Length: 12\r\n\r\n2\r\n{}\r\n0\r\n\r\n`,
    bad,
  ],
  ['204 with both', 'HTTP/1.1 204 x\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n', bad],
  ['chunks of HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', bad],
  ['another coding', `${json}Transfer-Encoding: gzip\r\n\r\n`, bad],
  ['a coding before chunked', `${json}Transfer-Encoding: gzip, chunked\r\n\r\n`, bad],
  ['a coding behind chunked', `${json}Transfer-Encoding: chunked, identity\r\n\r\n`, bad],
  ['chunked twice', `${json}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, bad],
  ['something like chunked', `${json}Transfer-Encoding: xchunked\r\n\r\n`, bad],
  ['a tab behind chunked', `${json}Transfer-Encoding: chunked\t\r\n\r\n0\r\n\r\n`, bad],
  ['a tab before a length', `${json}Content-Length:\t2\r\n\r\n{}`, bad],
  ['chunked with a parameter', `${json}Transfer-Encoding: chunked;a=b\r\n\r\n`, bad],
  ['a coding with a vertical tab', `${json}Transfer-Encoding: \x0bchunked\r\n\r\n`, bad],
  ['an empty coding', `${json}Transfer-Encoding:\r\n\r\n`, bad],
  ['a chunk without a size', chunked('\r\n{}\r\n0\r\n\r\n'), bad],
  ['a chunk size of letters', chunked('zz\r\n'), bad],
  ['a negative chunk size', chunked('-1\r\n'), bad],
  ['a chunk size with a prefix', chunked('0x2\r\n{}\r\n0\r\n\r\n'), bad],
  ['a chunk size of 2^31', chunked('80000000\r\n'), bad],
  ['a chunk size without end', chunked('f'.repeat(17)), bad],
  ['zeros without end', chunked('0'.repeat(17)), bad],
  ['a space before a chunk size', chunked(' 2\r\n{}\r\n0\r\n\r\n'), bad],
  ['a space behind a chunk size', chunked('2 \r\n{}\r\n0\r\n\r\n'), bad],
  ['a chunk size that ends in LF', chunked('2\n{}\r\n0\r\n\r\n'), bad],
  ['a chunk size that ends in CR', chunked('2\r{}\r\n0\r\n\r\n'), bad],
  ['a chunk that ends in LF', chunked('2\r\n{}\n0\r\n\r\n'), bad],
  ['a chunk that is longer than its size', chunked('2\r\n{}x\r\n0\r\n\r\n'), bad],
  ['a chunk that is shorter than its size', chunked('3\r\n{}\r\n0\r\n\r\n'), bad],
  ['a NUL in a chunk extension', chunked('2;\0\r\n{}\r\n0\r\n\r\n'), bad],
  ['an LF in a chunk extension', chunked('2;a\n{}\r\n0\r\n\r\n'), bad],
  ['a long chunk extension', chunked(`2;${'a'.repeat(5000)}\r\n{}\r\n0\r\n\r\n`), bad],
  ['many chunk extensions', chunked(`${'1;aaaaaa\r\nx\r\n'.repeat(1000)}0\r\n\r\n`), bad],
  ['an informational answer that closes', `HTTP/1.1 103 x\r\nConnection: close\r\n\r\n${sized('{}')}`, bad],
  ['an informational answer of HTTP/1.0', `HTTP/1.0 103 x\r\n\r\n${sized('{}')}`, bad],
  ['an empty chunk extension', chunked('2;\r\n{}\r\n0\r\n\r\n'), bad],
  ['an empty chunk extension behind another', chunked('2;a;\r\n{}\r\n0\r\n\r\n'), bad],
  ['a quoted chunk extension', chunked('2;a="b c"\r\n{}\r\n0\r\n\r\n'), bad],
  ['a chunk extension with two values', chunked('2;a=b=c\r\n{}\r\n0\r\n\r\n'), bad],
  ['a chunk extension without a name', chunked('2;=b\r\n{}\r\n0\r\n\r\n'), bad],
  ['a length among the trailers', chunked('0\r\nContent-Length: 0\r\n\r\n'), bad],
  ['a coding among the trailers', chunked('0\r\nTransfer-Encoding: chunked\r\n\r\n'), bad],
  ['a malformed trailer', chunked('0\r\nX A: b\r\n\r\n'), bad],
  ['a continued trailer', chunked('0\r\nX-A: b\r\n c\r\n\r\n'), bad],
  ['a trailer that ends in LF', chunked('0\r\nX-A: b\n\r\n'), bad],
  ['too many trailers', chunked(`0\r\n${many(201)}\r\n`), bad],
  ['large trailers', chunked(`0\r\nX-A: ${'a'.repeat(17_000)}`), bad],
  ['too many headers', `HTTP/1.1 204 x\r\n${many(201)}\r\n`, bad],
  ['a large head', withHeader(`X-A: ${'a'.repeat(17_000)}`), bad],
  ['a line without end', `${json}X-A: ${'a'.repeat(17_000)}`, bad],
  ['a reason without end', `HTTP/1.1 200 ${'a'.repeat(17_000)}`, bad],
]

const pieceByPiece = (bytes: Buffer): Buffer[] => [...bytes].map(byte => Buffer.of(byte))

t.test('answers are read alike, wherever they are cut', async t => {
  const random = randomNumbers(20_261_123)
  for (const [name, answer, end, body] of rows) {
    const bytes = Buffer.from(answer, 'latin1')
    const whole = readAnswer([bytes])
    t.equal(whole.end, end, name)
    if (body !== undefined) t.equal(whole.body, body, `${name}: body`)
    const cuts = [pieceByPiece(bytes), ...Array.from({ length: 8 }, () => cut(bytes, random))]
    // Of what is refused, as much of the body may have been passed on as was read before.
    for (const pieces of cuts) t.same(readAnswer(pieces), whole, `${name}: ${pieces.length} pieces`)
  }
})

t.test(
  'headers are what was sent: names in lower case, values as they are, repeated ones as a list',
  async t => {
    const names = 'X-A: 1\r\nx-a: 2\r\nX-a:\r\n__proto__: p\r\nConstructor: c\r\nX-B: \t\xe9 b \t\r\n'
    const { headers } = readAnswer([Buffer.from(`HTTP/1.1 204 x\r\n${names}\r\n`, 'latin1')])
    const expected = [
      ['x-a', ['1', '2', '']],
      ['__proto__', 'p'],
      ['constructor', 'c'],
      ['x-b', '\xe9 b'],
    ]
    t.same(Object.entries(headers), expected)
  },
)

/** How node:http, whose parser is llhttp, reads the same bytes. */
async function readByNode(bytes: Buffer): Promise<{ accepted: boolean; seen: unknown }> {
  const wire = new Duplex({
    read() {},
    write(_chunk, _encoding, done) {
      done()
    },
  })
  return new Promise(resolve => {
    const refuse = (): void => resolve({ accepted: false, seen: undefined })
    const sent = request({ createConnection: () => wire, method: 'POST' }, response => {
      let body = ''
      response.setEncoding('latin1').on('data', (text: string) => (body += text))
      response.on('error', refuse).on('aborted', refuse)
      response.on('end', () => {
        const headers: Record<string, string | string[]> = {}
        for (let index = 0; index < response.rawHeaders.length; index += 2) {
          const name = response.rawHeaders[index]!.toLowerCase()
          headers[name] = [headers[name] ?? [], response.rawHeaders[index + 1]!].flat()
        }
        resolve({ accepted: response.complete, seen: { status: response.statusCode, headers, body } })
      })
    })
    sent.on('error', refuse).on('upgrade', refuse)
    sent.end()
    wire.push(bytes)
    wire.push(null)
  })
}

const seeds = [
  sized('{"a":1}'),
  sized('', 'X-A: b\r\nX-A: c\r\nConnection: keep-alive\r\n'),
  chunked('2\r\n{"\r\n5\r\na":1}\r\n0\r\n\r\n'),
  chunked('7;a=b\r\n{"a":1}\r\n0\r\nX-Sum: 1\r\n\r\n', 'Connection: close\r\n'),
  `${json}Connection: close\r\n\r\n{"a":1}`,
  'HTTP/1.1 204 No Content\r\nDate: Mon, 23 Nov 2026 00:00:00 GMT\r\n\r\n',
  `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${sized('[]')}`,
  `HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}`,
]
const fragments = [
  '\r\n',
  '\n',
  '\r',
  '\0',
  ' ',
  '\t',
  ':',
  ';',
  ',',
  '=',
  '"',
  '0',
  '1',
  '9',
  'a',
  '\x7f',
  '\x80',
  '\xff',
  '\r\n ',
  '\r\n\r\n',
  'Content-Length: 3\r\n',
  'Content-Length: 0\r\n',
  'content-length:7\r\n',
  'Content-Length: 1, 1\r\n',
  'Transfer-Encoding: chunked\r\n',
  'transfer-encoding: gzip, chunked\r\n',
  'Transfer-Encoding: identity\r\n',
  'Connection: close\r\n',
  'Connection: upgrade\r\nUpgrade: x\r\n',
  'X : y\r\n',
  '0\r\n\r\n',
  '1\r\nx\r\n',
  'HTTP/1.1 ',
  'HTTP/1.0 ',
  '100',
  '101',
  '304',
  '204',
  'chunked',
  'x;y',
  ';a="b"',
  ';;',
  ';a=',
]

/** Damages bytes in one to three places. */
function damage(bytes: Buffer, random: () => number): Buffer {
  const pick = (count: number): number => Math.floor(random() * count)
  let damaged = bytes
  for (let left = 1 + pick(3); left > 0; left--) {
    const at = pick(damaged.length + 1)
    const gone = [0, 1, 1, pick(8)][pick(4)]!
    const come = random() < 0.7 ? fragments[pick(fragments.length)]! : String.fromCharCode(pick(256))
    const lineStart = damaged.lastIndexOf('\n', at) + 1
    const place = come.endsWith('\r\n') && come.length > 4 ? lineStart : at
    const middle = Buffer.from(random() < 0.2 ? '' : come, 'latin1')
    damaged = Buffer.concat([damaged.subarray(0, place), middle, damaged.subarray(place + gone)])
  }
  return damaged
}

/** Why answers are refused here that llhttp takes. All of it is forbidden by RFC 9110 and 9112 or never needed. */
const stricter = new Set([
  'does not begin with a status line',
  'has a control character in its status line',
  'has a status outside 100 to 599',
  'has a Transfer-Encoding that is not chunked',
  'is HTTP/1.0 and has a Transfer-Encoding',
  'is informational and has a body or ends the connection',
  'switches protocols unasked',
  'has a line that does not end in CRLF',
  'has a trailer that belongs into the head',
  'has a tab in transfer-encoding',
  'has a tab in content-length',
  'has a chunk without a size',
  'has a malformed chunk extension',
])

/** An answer without what stands behind it, at which node:http fails rather than not to use the connection again. */
function alone(bytes: Buffer): Buffer {
  const lengths = Array.from({ length: bytes.length }, (_, index) => index + 1)
  const length = lengths.find(end => readAnswer([bytes.subarray(0, end)], false).end !== 'open')
  return bytes.subarray(0, length)
}

t.test('what llhttp refuses is refused, and what both accept is the same', async t => {
  const random = randomNumbers(9112)
  const over = performance.now() + 5000
  let accepted = 0
  for (let count = 0; count < 6000 && (accepted <= 500 || performance.now() < over); count++) {
    const seed = Buffer.from(seeds[count % seeds.length]!, 'latin1')
    const bytes = count < seeds.length ? seed : damage(seed, random)
    const shown = JSON.stringify(bytes.toString('latin1'))
    const { end, status, headers, body, why } = readAnswer([bytes])
    if (end === 'reusable' || end === 'closed') {
      accepted++
      const lists = Object.entries(headers).map(([name, value]) => [name, [value].flat()])
      const seen = { status, headers: Object.fromEntries(lists) as object, body }
      const node = await readByNode(alone(bytes))
      if (!node.accepted || !isDeepStrictEqual(node.seen, seen)) t.same(seen, node.seen, shown)
    } else if ((await readByNode(bytes)).accepted) {
      const reason = why.replace("the upstream's answer ", '') || 'is cut short'
      if (!stricter.has(reason)) t.fail(`refused, because it ${reason}, and not by llhttp: ${shown}`)
    }
  }
  t.ok(accepted > 500, `${accepted} answers were accepted`)
})
