import fc from 'fast-check'
import t from 'tap'
import { whyMalformed } from '../gateway/values/formats.ts'
import { MalformedError } from '../gateway/values/malformed.ts'
import { parseAddress, parseDuration, parseInstant, parseSize } from '../gateway/values/units.ts'

t.test('durations', async t => {
  t.equal(parseDuration('250ms'), 250)
  t.equal(parseDuration('0s'), 0)
  t.equal(parseDuration('30d'), 2_592_000_000)
  t.equal(parseDuration('3650d'), 315_360_000_000)
  const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
  fc.assert(
    fc.property(
      fc.nat(3650),
      fc.constantFrom(...(Object.keys(units) as (keyof typeof units)[])),
      (count, unit) => {
        return parseDuration(`${count}${unit}`) === count * units[unit]
      },
    ),
  )
  const malformed = [
    '',
    '5',
    's',
    '-5s',
    '+5s',
    '5 s',
    ' 5s',
    '5s ',
    '5s\n',
    '1.5s',
    '05s',
    '1h30m',
    '5S',
    '5min',
    '3651d',
    '1e3s',
    '٥s',
  ]
  for (const text of [...malformed, '9'.repeat(30) + 's'])
    t.throws(() => parseDuration(text), MalformedError, text)
})

t.test('sizes', async t => {
  t.equal(parseSize('512B'), 512)
  t.equal(parseSize('64KiB'), 65_536)
  t.equal(parseSize('1MiB'), 1_048_576)
  t.equal(parseSize('1024GiB'), 2 ** 40)
  for (const text of ['', '1', '1MB', '1mib', '1 MiB', '01MiB', '-1MiB', '1.5MiB', '1025GiB', '1MiB\n']) {
    t.throws(() => parseSize(text), MalformedError, text)
  }
})

t.test('instants', async t => {
  t.equal(parseInstant('2027-03-01'), Date.UTC(2027, 2, 1))
  t.equal(parseInstant('2028-02-29'), Date.UTC(2028, 1, 29))
  t.equal(parseInstant('0099-12-31'), Date.parse('0099-12-31T00:00:00Z'), 'in the first century')
  t.equal(parseInstant('2027-03-01T12:00:00.123456Z'), Date.UTC(2027, 2, 1, 12, 0, 0, 123))
  t.equal(parseInstant('2027-03-01T00:30:00+01:00'), Date.UTC(2027, 1, 28, 23, 30))
  t.equal(parseInstant('2027-03-01T00:30:00-01:30'), Date.UTC(2027, 2, 1, 2))
  fc.assert(
    fc.property(
      fc.date({ min: new Date(0), max: new Date('9999-12-31T23:59:59Z'), noInvalidDate: true }),
      date => {
        const text = date.toISOString()
        return (
          parseInstant(text) === date.getTime() &&
          parseInstant(text.slice(0, 10)) === Date.parse(text.slice(0, 10))
        )
      },
    ),
  )
  const malformed = [
    '',
    '2027',
    '2027-3-1',
    '2027-02-29',
    '2027-02-30',
    '2027-13-01',
    '2027-00-01',
    '2027-01-00',
    '2027-03-01T12:00:00',
  ]
  malformed.push(
    '2027-03-01 12:00:00Z',
    '2027-03-01T24:00:00Z',
    '2027-03-01T12:60:00Z',
    '2027-03-01T12:00:60Z',
    '2027-03-01T12:00Z',
  )
  malformed.push(
    '2027-03-01T12:00:00+24:00',
    '2027-03-01T12:00:00+0100',
    '2027-03-01t12:00:00z',
    '2027-03-01\n',
    '1 March 2027',
  )
  for (const text of malformed) t.throws(() => parseInstant(text), MalformedError, text)
})

t.test('addresses', async t => {
  t.strictSame(parseAddress('127.0.0.1:8080'), { host: '127.0.0.1', port: 8080 })
  t.strictSame(parseAddress('[::1]:0'), { host: '::1', port: 0 })
  t.strictSame(parseAddress('localhost:65535'), { host: 'localhost', port: 65_535 })
  const malformed = [
    '',
    ':8080',
    '8080',
    'localhost',
    '127.0.0.1',
    '::1:8080',
    '[::1]',
    '[x]:1',
    '1.2.3:80',
    '1.2.3.400:80',
    'a:65536',
    'a:08',
    'a:-1',
    'a b:1',
    'http://a:1',
    'a:1/',
  ]
  for (const text of malformed) t.throws(() => parseAddress(text), MalformedError, text)
})

t.test('formats of the schema', async t => {
  const cases: Record<string, { good: string[]; bad: string[] }> = {
    duration: { good: ['1ms'], bad: ['0s', '0d', 'x'] },
    'duration-or-zero': { good: ['0s', '1ms'], bad: ['0'] },
    size: { good: ['1B'], bad: ['0B', 'x'] },
    origin: {
      good: [
        'https://mcp.example.com',
        'http://localhost:6274',
        'http://[::1]:80800'.slice(0, -1),
        'https://x:80',
      ],
      bad: [
        'https://a/',
        'https://A',
        'https://a:443',
        'http://a:80',
        'a',
        'null',
        'ftp://a',
        'https://a?b',
        'https://u@a',
        'https://*.a',
        'https://a:0',
        'https://a:65536',
        'https://1.2.3',
        'https://',
        'https://a.',
        'https://[::A]',
      ],
    },
    host: {
      good: ['a', 'a.b:1', '127.0.0.1', '[::1]:8080', 'my_service'],
      bad: ['', 'A', 'a:', '*.a', 'a/b', 'a..b', '-a', `${'a'.repeat(64)}.b`, 'a b', '[fe80::1%eth0]'],
    },
    'http-url': {
      good: ['http://127.0.0.1:7878/mcp', 'https://A.example.com', 'https://a/b?c=d', 'http://[::1]:1/x'],
      bad: [
        '',
        'a',
        'http:/a',
        'http:a',
        'http:///a',
        'ftp://a',
        'http://u@a',
        'http://u:p@a',
        'http://a#b',
        'http://a\\b',
        'http://a b',
        'http://a/\n',
        'HTTP://a',
        'http://1.2.3/',
        'http://0x7f.1/',
        'http://ü',
        `http://a/${'x'.repeat(2048)}`,
      ],
    },
    'secret-hash': {
      good: [`sha256:${'0'.repeat(64)}`],
      bad: [
        '',
        '0'.repeat(64),
        `sha256:${'A'.repeat(64)}`,
        `sha256:${'0'.repeat(63)}`,
        `sha512:${'0'.repeat(64)}`,
        `sha256:${'0'.repeat(64)}\n`,
      ],
    },
    'endpoint-path': {
      good: ['/', '/mcp', '/mock/mcp', '/a.b/~c', '/well-known'],
      bad: [
        '',
        'mcp',
        '//',
        '/a/',
        '/a//b',
        '/a/../b',
        '/.',
        '/a?b',
        '/a#b',
        '/a%2fb',
        '/a\\b',
        '/a b',
        '/ü',
        '/.well-known',
        '/.well-known/x',
        `/${'a'.repeat(256)}`,
      ],
    },
  }
  for (const [format, { good, bad }] of Object.entries(cases)) {
    for (const text of good) t.equal(whyMalformed(format, text), undefined, `${format} ${text}`)
    for (const text of bad) t.type(whyMalformed(format, text), MalformedError, `${format} ${text}`)
  }
})

t.test('no error repeats the text, which may come from the environment', async t => {
  const names = [
    'duration',
    'size',
    'instant',
    'address',
    'origin',
    'host',
    'http-url',
    'secret-hash',
    'endpoint-path',
  ]
  for (const name of names) {
    const { message, help } = whyMalformed(name, 'S3cr3t!') ?? {}
    t.notMatch(`${message}${help}`, 'S3cr3t')
  }
})
