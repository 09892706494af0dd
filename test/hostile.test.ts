import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { hashSecret } from '../gateway/auth/api-key/key.ts'
import { parseAnswer } from './fixtures/answer.ts'
import { json, messageOf, startTestUpstream } from './fixtures/upstream.ts'
import { until } from './fixtures/until.ts'

const canary = 'canary-of-the-hostile-test-0123456789abcdef'
/** Secrets that take a while to be tried, once, with their hashes by libargon2. */
const slow = {
  password: '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc',
  x: '$argon2id$v=19$m=8,t=3,p=1$MTIzNDU2Nzg$CKCxVFGdRvAi/RFk9z2VAw',
}
const upstreamSecret = 'canary-of-the-upstream-0123456789abcdef'

const upstream = await startTestUpstream((arrival, response) => {
  json(response, { jsonrpc: '2.0', id: messageOf(arrival).id, result: { served: true } })
})
const folder = mkdtempSync(join(tmpdir(), 'gatehouse-hostile-'))
const configPath = join(folder, 'gateway.yaml')
const config = `version: 1
listen: {address: "127.0.0.1:0", timeout: {request: 2s}}
admin: {address: "127.0.0.1:0"}
auth:
  keys: {type: api-key}
  query: {type: api-key, in: query, name: api_key}
roles: {all: {access: {"*": {tools: {allow: [get_*]}}}}}
keys:
  agent: {roles: [all], secrets: [{hash: "${hashSecret(canary)}"}]}
  slow: {roles: [all], secrets: [{hash: "argon2id:${slow.password}"}]}
  other: {roles: [all], secrets: [{hash: "argon2id:${slow.x}"}]}
proxies:
  main:
    auth: [keys, query]
    maxBody: 64KiB
    upstream: {url: "${upstream.url}", headers: {X-Api-Key: {env: UPSTREAM_SECRET}}}
`
writeFileSync(configPath, config)
const child = spawn(process.execPath, ['gateway/main.ts', 'run', '-c', configPath], {
  env: { ...process.env, UPSTREAM_SECRET: upstreamSecret },
})
let output = ''
child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text))
const listening = await until(() => /^\{.*"event":"listening".*\}$/m.exec(output)?.[0], 'the gateway listens')
const { url, adminUrl } = JSON.parse(listening) as { url: string; adminUrl: string }
const port = Number(new URL(url).port)
t.teardown(async () => {
  child.kill('SIGKILL')
  rmSync(folder, { recursive: true })
  await upstream.close()
})

/** Writes bytes to the gateway and reads until it closes, or until it has answered and been silent. */
async function exchange(bytes: string | Buffer, rest: (string | Buffer)[] = []): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  let answer = ''
  socket
    .setEncoding('utf8')
    .on('data', (text: string) => (answer += text))
    .on('error', () => {})
  const closed = new Promise(resolve => socket.once('close', resolve))
  socket.write(bytes)
  for (const more of rest) socket.write(more)
  const whole = until(() => {
    const length = /content-length: (\d+)\r\n/i.exec(answer)?.[1]
    const start = answer.indexOf('\r\n\r\n') + 4
    return length !== undefined && Buffer.byteLength(answer.slice(start)) >= Number(length)
  }, 'an answer').catch(() => {})
  await Promise.race([closed, whole])
  socket.destroy()
  return answer
}

const auth = `Authorization: Bearer ${canary}\r\n`
const head = (headers: string, line = 'POST /main/mcp HTTP/1.1'): string =>
  `${line}\r\nHost: localhost\r\n${headers}\r\n`
const typed = `${auth}Content-Type: application/json\r\n`
const post = (body: string | Buffer): [string, (string | Buffer)[]] => [
  head(`${typed}Content-Length: ${Buffer.byteLength(body)}\r\n`),
  [body],
]
const chunked = (body: string): string => head(`${typed}Transfer-Encoding: chunked\r\n`) + body
const good = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_a"}}'
const hex = good.length.toString(16)

type Row = [
  name: string,
  sent: string | Buffer | [string, (string | Buffer)[]],
  status: number,
  reason: string,
]
const rows: Row[] = [
  ['a good request', post(good), 200, ''],
  ['a good request in chunks', chunked(`${hex}\r\n${good}\r\n0\r\n\r\n`), 200, ''],
  [
    'Content-Length and Transfer-Encoding',
    head(`${typed}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n`) + `${hex}\r\n${good}\r\n0\r\n\r\n`,
    400,
    'request_malformed',
  ],
  [
    'Transfer-Encoding and Content-Length',
    head(`${typed}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n`),
    400,
    'request_malformed',
  ],
  ['two lengths', head(`${typed}Content-Length: 5\r\nContent-Length: 6\r\n`), 400, 'request_malformed'],
  [
    'the same length twice',
    head(`${typed}Content-Length: 5\r\nContent-Length: 5\r\n`),
    400,
    'request_malformed',
  ],
  ['a list of lengths', head(`${typed}Content-Length: 5, 5\r\n`), 400, 'request_malformed'],
  ['a signed length', head(`${typed}Content-Length: +5\r\n`), 400, 'request_malformed'],
  ['a negative length', head(`${typed}Content-Length: -5\r\n`), 400, 'request_malformed'],
  ['a hexadecimal length', head(`${typed}Content-Length: 0x5\r\n`), 400, 'request_malformed'],
  [
    'a length beyond 2^64',
    head(`${typed}Content-Length: 99999999999999999999\r\n`),
    400,
    'request_malformed',
  ],
  [
    'a coding that ends in chunked',
    head(`${typed}Transfer-Encoding: xchunked\r\n`),
    400,
    'request_malformed',
  ],
  [
    'a coding behind chunked',
    head(`${typed}Transfer-Encoding: chunked, identity\r\n`),
    400,
    'request_malformed',
  ],
  [
    'a tab before chunked',
    head(`${typed}Transfer-Encoding:\tchunked\r\nContent-Length: 3\r\n`),
    400,
    'request_malformed',
  ],
  ...[
    'gzip, chunked',
    'identity, chunked',
    'chunked, chunked',
    'chunked\r\nTransfer-Encoding: chunked',
    'gzip',
  ].map((coding): Row => [
    `Transfer-Encoding: ${coding.replace('\r\n', ' and ')}`,
    head(`${typed}Transfer-Encoding: ${coding}\r\n`) + `${hex}\r\n${good}\r\n0\r\n\r\n`,
    400,
    'request_malformed',
  ]),
  [
    'chunked in capitals',
    chunked(`${hex}\r\n${good}\r\n0\r\n\r\n`).replace(': chunked', ': CHUNKED'),
    200,
    '',
  ],
  [
    'chunks in HTTP/1.0',
    chunked(`${hex}\r\n${good}\r\n0\r\n\r\n`).replace('HTTP/1.1', 'HTTP/1.0'),
    400,
    'request_malformed',
  ],
  ...[
    'Mcp-Name',
    'MCP-Protocol-Version',
    'accept',
    'Authorization',
    'close, host',
    'keep-alive,CONTENT-LENGTH',
  ].map((named): Row => [
    `a Connection header that names what was judged: ${named}`,
    [head(`${typed}Connection: ${named}\r\nContent-Length: ${good.length}\r\n`), [good]],
    400,
    'request_malformed',
  ]),
  [
    'a second Connection header that names what was judged',
    [
      head(`${typed}Connection: keep-alive\r\nConnection: mcp-method\r\nContent-Length: ${good.length}\r\n`),
      [good],
    ],
    400,
    'request_malformed',
  ],
  [
    'a Connection header that names what was not judged',
    [head(`${typed}X-Hop: a\r\nConnection: X-Hop\r\nContent-Length: ${good.length}\r\n`), [good]],
    200,
    '',
  ],
  [
    'a coding after a thousand headers',
    head(`${typed}${'a:\r\n'.repeat(1100)}Transfer-Encoding: gzip, chunked\r\n`) +
      `${hex}\r\n${good}\r\n0\r\n\r\n`,
    400,
    'request_malformed',
  ],
  ['CONNECT', head(auth, 'CONNECT localhost:80 HTTP/1.1'), 405, 'method_not_allowed'],
  ['HTTP/0.9', 'GET /main/mcp\r\n\r\n', 400, 'request_malformed'],
  ['HTTP/0.9 without a line after it', 'GET /main/mcp\r\n', 408, 'request_timeout'],
  ...['HTTP/2.0', 'HTTP/0.9', 'HTTP/1.2', 'HTTP/1.01', 'HTTP/3.0'].map((version): Row => [
    `${version} in a request line`,
    [head(`${typed}Content-Length: ${good.length}\r\n`, `POST /main/mcp ${version}`), [good]],
    400,
    'request_malformed',
  ]),
  ['a space before the colon', head(`${typed}Content-Length : 5\r\n`), 400, 'request_malformed'],
  ['a folded header', head(`${typed}X-A: b\r\n c\r\n`), 400, 'request_malformed'],
  ['a NUL in a header', head(`${typed}X-A: \0\r\n`), 400, 'request_malformed'],
  ['a carriage return in a header', head(`${typed}X-A: a\rb\r\n`), 400, 'request_malformed'],
  ['a header without a colon', head(`${typed}nonsense\r\n`), 400, 'request_malformed'],
  ['a bad chunk size', chunked('zz\r\n'), 400, 'request_malformed'],
  ['a negative chunk size', chunked('-1\r\n'), 400, 'request_malformed'],
  ['a chunk that is longer than it says', chunked(`3\r\n${good}\r\n0\r\n\r\n`), 400, 'request_malformed'],
  ['a chunk size without end', chunked(`${'f'.repeat(17)}\r\n`), 400, 'request_malformed'],
  ['headers of 25 KiB', head(`${typed}X-A: ${'a'.repeat(25_000)}\r\n`), 431, 'headers_too_large'],
  [
    'a path of 25 KiB',
    `GET /${'a'.repeat(25_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
    431,
    'headers_too_large',
  ],
  ['no HTTP', 'HELO example.com\r\n\r\n', 400, 'request_malformed'],
  ['TLS', Buffer.from('16030100a5010000a10303', 'hex'), 400, 'request_malformed'],
  ['an unknown method', head(auth, 'BREW /main/mcp HTTP/1.1'), 400, 'request_malformed'],
  ['a method in lower case', head(auth, 'post /main/mcp HTTP/1.1'), 400, 'request_malformed'],
  ['an unknown HTTP version', head(auth, 'POST /main/mcp HTTP/3.9'), 400, 'request_malformed'],
  ['the HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400, 'request_malformed'],
  ['no Host', `POST /main/mcp HTTP/1.1\r\n${typed}Content-Length: 0\r\n\r\n`, 403, 'host_refused'],
  [
    'an empty Host',
    `POST /main/mcp HTTP/1.1\r\nHost:\r\n${typed}Content-Length: 0\r\n\r\n`,
    403,
    'host_refused',
  ],
  [
    'HTTP/1.0 without Host',
    `POST /main/mcp HTTP/1.0\r\n${typed}Content-Length: 0\r\n\r\n`,
    403,
    'host_refused',
  ],
  ['an absolute target', head(auth, `POST http://localhost:${port}/main/mcp HTTP/1.1`), 404, 'path_unknown'],
  ['dots in the path', head(auth, 'POST /x/../main/mcp HTTP/1.1'), 404, 'path_unknown'],
  ['a fragment in the path', head(auth, 'POST /main/mcp#x HTTP/1.1'), 404, 'path_unknown'],
  ['an asterisk', head(auth, 'OPTIONS * HTTP/1.1'), 404, 'path_unknown'],
  ['a length over the limit', head(`${typed}Content-Length: 10000000\r\n`), 413, 'body_too_large'],
  ['chunks over the limit', chunked(`20000\r\n${'a'.repeat(0x20000)}\r\n`), 413, 'body_too_large'],
  [
    'chunks over the limit that come while the key is tried',
    chunked(`20000\r\n${'a'.repeat(0x20000)}\r\n0\r\n\r\n`).replace(canary, 'password'),
    413,
    'body_too_large',
  ],
  [
    'a body in chunks that comes while the key is tried',
    chunked(
      `1\r\n{\r\n4\r\n${good.slice(1, 5)}\r\n${(good.length - 5).toString(16)}\r\n${good.slice(5)}\r\n0\r\n\r\n`,
    ).replace(canary, 'x'),
    200,
    '',
  ],
  ['a body that never comes', head(`${typed}Content-Length: 50\r\n`), 408, 'request_timeout'],
  ['a body that stops', head(`${typed}Content-Length: 50\r\n`) + '{"jsonrpc"', 408, 'request_timeout'],
  ['headers that stop', `POST /main/mcp HTTP/1.1\r\nHost: localhost\r\n${auth}`, 408, 'request_timeout'],
  ['no body', post(''), 400, 'json_malformed'],
  [
    'bad UTF-8',
    post(
      Buffer.from('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_\xff"}}', 'latin1'),
    ),
    400,
    'json_malformed',
  ],
  ['UTF-16', post(Buffer.from(good, 'utf16le')), 400, 'json_malformed'],
  ['a thousand levels', post(`${'{"a":'.repeat(1000)}1${'}'.repeat(1000)}`), 400, 'message_invalid'],
  ['sixty thousand brackets', post('['.repeat(60_000)), 400, 'message_invalid'],
  [
    'a number of 60,000 digits as id',
    post(good.replace('"id":1', `"id":${'9'.repeat(60_000)}`)),
    400,
    'message_invalid',
  ],
  ['two methods', post(good.replace('"method"', '"method":"ping","method"')), 400, 'message_invalid'],
  [
    'two Hosts',
    `POST /main/mcp HTTP/1.1\r\nHost: localhost\r\nHost: evil.example.com\r\n${auth}Content-Length: 0\r\n\r\n`,
    400,
    'request_malformed',
  ],
  [
    'an expectation',
    [head(`${typed}Expect: the-unexpected\r\nContent-Length: ${good.length}\r\n`), [good]],
    200,
    '',
  ],
  ['a list without an id', post('{"jsonrpc":"2.0","method":"tools/list"}'), 400, 'message_invalid'],
  ['a call in another case', post(good.replace('tools/call', 'Tools/Call')), 400, 'message_invalid'],
  ['two names', post(good.replace('"name"', '"name":"get_a","name"')), 400, 'message_invalid'],
  [
    'a name in another case',
    post(good.replace('"name"', '"Name":"delete_a","name"')),
    400,
    'message_invalid',
  ],
  ['params in another case', post(good.replace('"params"', '"PARAMS":{},"params"')), 400, 'message_invalid'],
  ['a name that is a list', post(good.replace('"get_a"', '["get_a"]')), 200, 'params_invalid'],
  ['a name that is null', post(good.replace('"get_a"', 'null')), 200, 'params_invalid'],
  [
    'a prototype',
    post(
      good.replace('"params":', '"__proto__":{"name":"get_a"},"params":{"__proto__":{"name":"get_a"}},"x":'),
    ),
    200,
    'params_invalid',
  ],
  [
    'a batch with a claim',
    post(
      `[${good.replace('"name"', '"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"},"name"')}]`,
    ),
    400,
    'message_invalid',
  ],
  [
    'a header that cannot be forwarded',
    [head(`${typed}X-A: \x7f\r\nContent-Length: ${good.length}\r\n`), [good]],
    400,
    'request_malformed',
  ],
  [
    'a session id that is a lie',
    [head(`${typed}Mcp-Session-Id: x.y\r\nContent-Length: ${good.length}\r\n`), [good]],
    404,
    'session_unknown',
  ],
  [
    'a key in the query and in the header',
    [head(`${typed}Content-Length: ${good.length}\r\n`, `POST /main/mcp?api_key=${canary} HTTP/1.1`), [good]],
    401,
    'credential_invalid',
  ],
  [
    'half a key',
    [head(`Authorization: Bearer ${canary.slice(0, -1)}\r\nContent-Length: 0\r\n`), []],
    401,
    'credential_invalid',
  ],
  [
    'a key of 10,000 characters',
    [head(`Authorization: Bearer ${canary.repeat(200)}\r\nContent-Length: 0\r\n`), []],
    401,
    'credential_invalid',
  ],
]

t.test('malformed requests get the error of the table', async t => {
  for (const [name, sent, status, reason] of rows) {
    t.test(name, async t => {
      const before = upstream.arrivals.length
      const answer = Array.isArray(sent) ? await exchange(...sent) : await exchange(sent)
      t.equal(Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1]), status)
      t.match(answer, /\r\ncontent-type: (?:application\/json|text\/plain; charset=utf-8)\r\n/i)
      const [body] = [parseAnswer(answer.slice(answer.indexOf('\r\n\r\n') + 4))].flat() as {
        error?: { data: { reason: string } }
      }[]
      t.equal(body!.error?.data.reason ?? '', reason)
      t.equal(upstream.arrivals.length - before, reason === '' ? 1 : 0)
      t.notMatch(answer, canary)
    })
  }
})

t.test('each of them has one line in the log', async t => {
  const logged = (): string[] => output.split('\n').filter(line => line.includes('"event":"request"'))
  await until(() => logged().length >= rows.length, 'all are logged')
  const found = logged().map(line => {
    const { status, reason = '' } = JSON.parse(line) as { status: number; reason?: string }
    return `${status} ${reason}`
  })
  t.same(found.toSorted(), rows.map(([, , status, reason]) => `${status} ${reason}`).toSorted())
})

t.test('what was no request is logged and counted too', async t => {
  const line = await until(() => /^.*"reason":"headers_too_large".*$/m.exec(output)?.[0], 'it is logged')
  t.match(JSON.parse(line), { event: 'request', decision: 'deny', status: 431, requestId: /^[0-9a-f]{32}$/ })
  const metrics = await (await fetch(`${adminUrl}/metrics`)).text()
  t.match(metrics, /gatehouse_requests_total\{proxy="",status="431",reason="headers_too_large"\} [1-9]/)
})

t.test('a client that waits to be asked for its body is asked when its key was found to be good', async t => {
  const expecting = head(`${typed}Expect: 100-continue\r\nContent-Length: ${good.length}\r\n`)
  const socket = connect(port, '127.0.0.1')
  let answer = ''
  socket.setEncoding('utf8').on('data', (text: string) => (answer += text))
  t.teardown(() => socket.destroy())
  socket.write(expecting)
  await until(() => answer === 'HTTP/1.1 100 Continue\r\n\r\n', 'it is asked')
  socket.write(good)
  await until(() => /\r\n\r\nHTTP\/1\.1 200 [^]*"served":true\}\}$/.test(answer), 'it is answered')
  t.match(await exchange(expecting.replace('Authorization', 'X-None')), /^HTTP\/1\.1 401 /)
})

t.test('a client that waits to be asked behind another request is asked in its turn', async t => {
  const expecting = head(`${typed}Expect: 100-continue\r\nContent-Length: ${good.length}\r\n`) + good
  const socket = connect(port, '127.0.0.1')
  let answer = ''
  socket.setEncoding('utf8').on('data', (text: string) => (answer += text))
  t.teardown(() => socket.destroy())
  // What stands first takes longest to be answered.
  const first = post(good).flat().join('')
  socket.write(first.replace(canary, 'a-secret-that-has-to-be-tried') + expecting.repeat(5) + first)
  await until(() => answer.split('"served":true}}').length === 7, 'all are answered')
  const answers = answer.split('"served":true}}')
  t.same(
    // A client that is not read for a while is sent 102, which shows whether it is still there.
    answers.map(text => (text.match(/HTTP\/1\.1 (?!102)\d+/g) ?? []).join()),
    [
      'HTTP/1.1 401,HTTP/1.1 100,HTTP/1.1 200',
      ...Array<string>(4).fill('HTTP/1.1 100,HTTP/1.1 200'),
      'HTTP/1.1 200',
      '',
    ],
  )
  for (const text of answers.slice(0, -1)) t.match(text, /\r\n\r\n\{[^\r\n]*$/, 'nothing is in between')
})

for (const [name, bytes, rest, status] of [
  ['a body that is sent on after it was refused as too slow', chunked('1\r\n'), `{\r\n0\r\n\r\n`, 408],
  ['a good body that is whole too late', chunked(`${hex}\r\n`), `${good}\r\n0\r\n\r\n`, 408],
  [
    'a DELETE whose body cannot be read',
    head(`${auth}Transfer-Encoding: chunked\r\n`, 'DELETE /main/mcp HTTP/1.1'),
    'zz\r\n',
    400,
  ],
] as const) {
  t.test(`${name} is answered once, and nothing comes behind that`, async t => {
    const before = upstream.arrivals.length
    const socket = connect(port, '127.0.0.1')
    let answer = ''
    socket.setEncoding('utf8').on('data', (text: string) => (answer += text))
    const closed = once(socket, 'close')
    socket.write(bytes)
    if (status === 408) await until(() => answer !== '', 'it is refused')
    socket.write(rest)
    await closed
    const [top = '', body = ''] = answer.split('\r\n\r\n')
    t.match(top, new RegExp(`^HTTP/1\\.1 ${status} `))
    t.equal(Buffer.byteLength(body), Number(/content-length: (\d+)/i.exec(top)?.[1]))
    if (status === 408) t.equal(upstream.arrivals.length, before, 'it was not forwarded')
  })
}

t.test('a client that sends far too much is read to its end, so that it can read the answer', async t => {
  const socket = connect(port, '127.0.0.1')
  let answer = ''
  const errors: Error[] = []
  socket
    .setEncoding('utf8')
    .on('data', (text: string) => (answer += text))
    .on('error', error => errors.push(error))
  socket.write(chunked(`1000000\r\n${'a'.repeat(0x1000000)}\r\n0\r\n\r\n`))
  await until(() => answer.includes('requestId'), 'it is answered')
  socket.destroy()
  t.match(answer, /^HTTP\/1\.1 413 /)
  t.same(errors, [])
})

/** Sends bytes in pieces, one a turn, and reads until the gateway closes or so many answers are whole. */
async function converse(bytes: string, size: number, answers: number): Promise<string[]> {
  const socket = connect(port, '127.0.0.1')
  let text = ''
  const closed = new Promise(resolve => socket.once('close', resolve))
  const bodies = (): string[] =>
    text.match(/\{"jsonrpc[^\r\n]*?\}(?=HTTP|$)|\w+ \(\d+\): .*\nrequestId: .*\n(?:revision: .*\n)?/g) ?? []
  socket
    .setEncoding('utf8')
    .setNoDelay(true)
    .on('data', (more: string) => (text += more))
    .on('error', () => {})
  for (let at = 0; at < bytes.length && socket.writable; at += size) {
    socket.write(bytes.slice(at, at + size))
    if (size < bytes.length) await new Promise(resolve => setImmediate(resolve))
  }
  await Promise.race([closed, until(() => bodies().length >= answers, `${answers} answers to ${bytes}`)])
  socket.destroy()
  return bodies().map(body => {
    const { id, error } = parseAnswer(body) as { id?: number; error?: { data: { reason: string } } }
    return `${id ?? '-'} ${error?.data.reason ?? 'served'}`
  })
}

const numbered = (id: number, headers = '', line?: string): string => {
  const body = good.replace('"id":1', `"id":${id}`)
  return head(`${typed}${headers}Content-Length: ${body.length}\r\n`, line) + body
}
const bare = (headers: string): string =>
  head(`Authorization: Bearer ${canary}\r\n${headers}`, 'GET /none HTTP/1.1')
const upgrade = 'Connection: Upgrade\r\nUpgrade: '
const pipelines: [name: string, bytes: string, answers: string[], mayFollow?: string][] = [
  ['calls', [1, 2, 3].map(id => numbered(id)).join(''), ['1 served', '2 served', '3 served']],
  [
    'calls that wait to be asked for their bodies',
    [1, 2, 3].map(id => numbered(id, 'Expect: 100-continue\r\n')).join(''),
    ['1 served', '2 served', '3 served'],
  ],
  [
    'a call to be upgraded to HTTP/2, which is the last',
    numbered(1) + numbered(2, `${upgrade}h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n`) + numbered(3),
    ['1 served', '2 served'],
  ],
  [
    'a request to be upgraded to a WebSocket, which is the last',
    numbered(1) + bare(`${upgrade}websocket\r\n`) + numbered(3),
    ['1 served', '- path_unknown'],
  ],
  ['a call that ends the connection', numbered(1, 'Connection: close\r\n') + numbered(2), ['1 served']],
  [
    'CONNECT',
    numbered(1) + numbered(2) + head('', 'CONNECT a:1 HTTP/1.1') + numbered(3),
    ['1 served', '2 served'],
    // It is answered where it comes when the calls have been; else the connection ends with their answers.
    '- method_not_allowed',
  ],
  [
    'a call whose coding is refused, with which the connection ends',
    numbered(1) +
      head(`${typed}Transfer-Encoding: gzip, chunked\r\n`) +
      `${hex}\r\n${good}\r\n0\r\n\r\n` +
      numbered(3),
    ['1 served', '- request_malformed'],
  ],
  [
    'a call whose Connection header names a judged header',
    numbered(1) + numbered(2, 'Mcp-Name: x\r\nConnection: Mcp-Name\r\n') + numbered(3),
    ['1 served', '- request_malformed'],
  ],
]

for (const [name, bytes, expected, mayFollow] of pipelines) {
  t.test(`no answer is lost or shifted in a pipeline, wherever it is split: ${name}`, async t => {
    for (const size of [bytes.length, 1, 7, 100]) {
      const answers = await converse(bytes, size, expected.length)
      if (answers.length > expected.length && answers.at(-1) === mayFollow) answers.pop()
      t.same(answers, expected, `in pieces of ${size}`)
    }
  })
}

t.test('calls behind the last request of a connection are not made', async t => {
  const before = upstream.arrivals.length
  await converse(numbered(1, 'Connection: close\r\n') + numbered(2) + numbered(3), 10_000, 1)
  t.same(
    upstream.arrivals.slice(before).map(arrival => messageOf(arrival).id),
    [1],
  )
})

t.test('bytes behind a request do not end up in its answer', async t => {
  const answer = await exchange(head(`${typed}Content-Length: ${good.length}\r\n`), [
    good,
    'nonsense\r\n\r\n',
  ])
  t.match(answer, /^HTTP\/1\.1 200 [\s\S]*connection: close[\s\S]*"served":true\}\}$/i)
})

t.test('what cannot be read after several requests does not end up in the answer to the last', async t => {
  const request = head(`${typed}Content-Length: ${good.length}\r\n`) + good
  const answer = await exchange(request, [request, 'nonsense\r\n\r\n'])
  t.equal(answer.split('HTTP/1.1 ').length - 1, answer.split('"served":true}}').length - 1)
})

t.test('a refused request whose body never comes gets one answer, not two', async t => {
  const socket = connect(port, '127.0.0.1')
  let answer = ''
  socket.setEncoding('utf8').on('data', (text: string) => (answer += text))
  socket.write(
    head('Authorization: Bearer wrong\r\nContent-Type: application/json\r\nContent-Length: 50\r\n') + '{',
  )
  await once(socket, 'close')
  t.equal(answer.split('HTTP/1.1 ').length, 2)
  t.match(answer, /^HTTP\/1\.1 401 /)
})

t.test('random damage to a request is survived', async t => {
  const whole = Buffer.from(head(`${typed}Content-Length: ${good.length}\r\n`) + good)
  const damage = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 })
  const damaged = fc.sample(damage, 300).map(places => {
    const bytes = Buffer.from(whole)
    for (const [at, byte] of places) bytes[at] = byte
    return bytes
  })
  const answers: string[] = []
  // A few at a time, because each damaged key is tried against slow hashes.
  for (let index = 0; index < damaged.length; index += 50) {
    answers.push(...(await Promise.all(damaged.slice(index, index + 50).map(bytes => exchange(bytes)))))
  }
  t.same(damaged.filter((_, index) => answers[index] === '').map(String), [], 'every one is answered')
})

t.test('a broken configuration is refused without a word of any secret', async t => {
  writeFileSync(
    configPath,
    `${config}  broken: {auth: [keyz], upstream: {url: "${upstream.url}", headers: {Authorization: {value: ${canary}}}}}\n`,
  )
  await until(() => output.includes('config_refused'), 'it is refused')
  const status = await (await fetch(`${adminUrl}/status`)).text()
  t.notMatch(status, canary)
  t.notMatch(status, upstreamSecret)
  writeFileSync(configPath, config)
})

t.test('after all that the gateway serves, stops cleanly, and has written down no secret', async t => {
  t.equal((await fetch(`${adminUrl}/livez`)).status, 200)
  t.match(await exchange(...post(good)), /^HTTP\/1\.1 200 /)
  const metrics = await (await fetch(`${adminUrl}/metrics`)).text()
  t.equal(child.exitCode, null)
  child.kill('SIGTERM')
  const [code] = (await once(child, 'close')) as [number]
  t.equal(code, 0)
  t.notMatch(output, 'internal_error')
  t.ok(output.length > 10_000, 'there is output to search')
  for (const secret of [canary, upstreamSecret]) t.notMatch(output + metrics, secret)
})
