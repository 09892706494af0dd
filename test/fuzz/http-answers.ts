import type { Random } from './random.ts'

/** Creates HTTP/1.1 responses: valid ones in many notations, and damaged ones. */
export function makeAnswer(random: Random): Buffer {
  let text = random.chance(0.15) ? `${makeInformational(random)}${makeFinal(random)}` : makeFinal(random)
  if (random.chance(0.1))
    text += random.pick(['\r\n', 'HTTP/1.1 200 OK\r\n\r\n', '0', '\0', makeFinal(random)])
  for (let damages = random.chance(0.4) ? 1 + random.below(3) : 0; damages > 0; damages--)
    text = damage(text, random)
  return Buffer.from(text, 'latin1')
}

/** Picks a valid value most of the time, and sometimes another. */
function mostly(random: Random, sound: readonly string[], other: readonly string[]): string {
  return random.pick(random.chance(0.97) ? sound : other)
}

const statuses = '200 200 200 201 202 204 206 226 299 301 304 400 401 404 429 500 503 599'.split(' ')
const otherStatuses = '600 000 20 2000 101 100'.split(' ')
const reasons = [' OK', ' OK', '', ' ', '  Two Words', ' \xe9\xff', ' a\tb']
const otherReasons = [' a\0b', ' a\rb', '\tOK']
const versions = ['1.1', '1.1', '1.1', '1.0']
const otherVersions = ['2.0', '0.9', '1.2', '1.10']

function makeStatusLine(random: Random): string {
  const protocol = random.chance(0.97) ? 'HTTP' : random.pick(['http', 'ICY', 'RTSP', ' HTTP', 'HTTPS'])
  const space = random.chance(0.97) ? ' ' : random.pick(['', '  ', '\t'])
  const version = mostly(random, versions, otherVersions)
  const status = mostly(random, statuses, otherStatuses)
  return `${protocol}/${version}${space}${status}${mostly(random, reasons, otherReasons)}${lineEnd(random)}`
}

function makeInformational(random: Random): string {
  const line = random.pick([
    '100 Continue',
    '102 Processing',
    '103 Early Hints',
    '101 Switching Protocols',
    '199',
  ])
  return `HTTP/1.1 ${line}\r\n${makeFields(random, 2)}\r\n`
}

function lineEnd(random: Random): string {
  return random.chance(0.997) ? '\r\n' : random.pick(['\n', '\r', '\r\r\n', ' \r\n', '\r\n ', '\n\r'])
}

const fields = `Content-Type: application/json|X-A: b|X-A: c|x-a:|Set-Cookie: a=b; c|Mcp-Session-Id: s1
Connection: keep-alive|Connection: close|connection: Keep-Alive, close|Connection: upgrade|Upgrade: websocket
Keep-Alive: timeout=5|Trailer: X-Sum|Proxy-Connection: close|__proto__: x|constructor: y|Date: now|Server:\tx\t
X-Empty:|X-Space:  two  words |X-High: \xe9\xff|X-Long: ${'x'.repeat(300)}`.split(/\n|\|/)
const otherFields = 'X-\xe9: y|X-Nul: a\0b|X-Cr: a\rb|X Y: z|X-Z : z|: none|no colon| folded'.split('|')

function makeFields(random: Random, most: number): string {
  let text = ''
  for (let count = random.below(most + 1); count > 0; count--)
    text += mostly(random, fields, otherFields) + lineEnd(random)
  return text
}

const bodies = [
  '{}',
  '{"a":1}',
  '[]',
  '',
  'x',
  '\r\n',
  '0\r\n\r\n',
  'HTTP/1.1 200 OK\r\n\r\n',
  '\xff\0'.repeat(9),
]

function makeFinal(random: Random): string {
  const head = `${makeStatusLine(random)}${makeFields(random, 3)}`
  const body = random.chance(0.1) ? 'y'.repeat(random.below(3000)) : random.pick(bodies)
  const framing = random.below(20) >> 1 || 1
  const more = makeFields(random, 2)
  if (framing < 4) return `${head}${lengthField(random, body.length)}${more}\r\n${body}`
  if (framing < 8) return `${head}${codingField(random)}${more}\r\n${makeChunks(random, body)}`
  if (framing === 8) return `${head}${more}\r\n${body}`
  return `${head}${lengthField(random, body.length)}${codingField(random)}${more}\r\n${makeChunks(random, body)}`
}

function lengthField(random: Random, length: number): string {
  const name = random.pick(['Content-Length', 'content-length', 'CONTENT-LENGTH'])
  const exact = String(length)
  const value = random.chance(0.95)
    ? exact
    : random.pick([
        `00${exact}`,
        `+${exact}`,
        `-${exact}`,
        `0x${length.toString(16)}`,
        `${exact}, ${exact}`,
        `${exact} `,
        `\t${exact}`,
        `${exact};`,
        `${length + 1}`,
        String(Math.max(0, length - 1)),
        '',
        '9'.repeat(17),
        '18446744073709551616',
        `${exact}.0`,
      ])
  const twice = random.chance(0.04) ? `${name}: ${random.pick([exact, '0', '7'])}\r\n` : ''
  return `${name}:${random.pick([' ', ' ', ''])}${value}${lineEnd(random)}${twice}`
}

function codingField(random: Random): string {
  const name = random.pick(['Transfer-Encoding', 'transfer-encoding', 'Transfer-encoding'])
  const value = random.chance(0.95)
    ? random.pick(['chunked', 'Chunked', 'CHUNKED'])
    : random.pick(
        'gzip, chunked|chunked, gzip|identity|chunked, chunked|chunked;q=1|xchunked|chunkedx|\tchunked|chunked\t|,chunked|chunked,||"chunked"|chun ked'.split(
          '|',
        ),
      )
  return `${name}:${random.pick([' ', ''])}${value}${lineEnd(random)}`
}

const extensions = [
  ';a',
  ';a=b',
  ';a=b;c',
  ';',
  ';a=',
  ' ;a',
  '; a=b',
  ';a="b"',
  ';a="\r\n"',
  ' ',
  '\t',
  ';=b',
  ';\xe9',
]

function makeChunks(random: Random, body: string): string {
  let text = ''
  for (let at = 0; at < body.length;) {
    const size = 1 + random.below(body.length - at)
    text += `${makeSize(random, size)}${random.chance(0.05) ? random.pick(extensions) : ''}${lineEnd(random)}`
    text += `${body.slice(at, at + size)}${lineEnd(random)}`
    at += size
  }
  if (random.chance(0.04)) return text
  const trailers = random.chance(0.2) ? makeFields(random, 2) : ''
  const forbidden = random.chance(0.03) ? 'Content-Length: 3\r\n' : ''
  return `${text}${random.pick(['0', '0', '0', '000'])}${lineEnd(random)}${trailers}${forbidden}${lineEnd(random)}`
}

function makeSize(random: Random, size: number): string {
  const hex = size.toString(16)
  if (random.chance(0.99)) return random.chance(0.5) ? hex : hex.toUpperCase()
  return random.pick([
    `0${hex}`,
    `0x${hex}`,
    `+${hex}`,
    `-${hex}`,
    ` ${hex}`,
    `${hex}g`,
    `${'0'.repeat(9)}${hex}`,
    '',
    'ffffffff',
    `1${'0'.repeat(15)}${hex}`,
  ])
}

const fragments =
  '\r\n|\n|\r|\0| |\t|:|;|,|=|"|0|1|9|a|\x7f|\x80|\xff|\r\n |\r\n\r\n|HTTP/1.1 |100|101|304|204|chunked|Content-Length: 3\r\n|Content-Length: 0\r\n|Transfer-Encoding: chunked\r\n|Connection: close\r\n|0\r\n\r\n|1\r\nx\r\n'.split(
    '|',
  )

/** Replaces bytes at one place. */
function damage(text: string, random: Random): string {
  const at = random.below(text.length + 1)
  const gone = random.pick([0, 1, 1, random.below(8)])
  const come = random.chance(0.2)
    ? ''
    : random.chance(0.7)
      ? random.pick(fragments)
      : String.fromCharCode(random.below(256))
  const isLine = come.endsWith('\r\n') && come.length > 6
  const place = isLine ? text.lastIndexOf('\n', at) + 1 : at
  return text.slice(0, place) + come + text.slice(place + gone)
}
