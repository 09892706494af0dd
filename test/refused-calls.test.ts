import { once } from 'node:events'
import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { hashSecret } from '../gateway/auth/api-key/key.ts'
import { IdScanner } from '../gateway/mcp/id-scanner.ts'
import { startTestGateway, type TestGateway } from './fixtures/gateway.ts'
import { json, messageOf, startTestUpstream, type Answer, type TestUpstream } from './fixtures/upstream.ts'
import { until } from './fixtures/until.ts'

const key = 'canary-of-the-refused-0123456789abcdef01234'
const roleless = 'canary-of-the-roleless-0123456789abcdef0123'
const text = 'text/plain; charset=utf-8'
type Era = 'modern' | 'legacy'
const eras: readonly Era[] = ['modern', 'legacy']
const version = { modern: '2026-07-28', legacy: '2025-11-25' } as const

const ok: Answer = (arrival, response) =>
  json(response, { jsonrpc: '2.0', id: messageOf(arrival).id, result: { ok: true } })

async function setUp(
  t: Test,
  answer: Answer,
): Promise<{ gateway: TestGateway; upstream: TestUpstream; url: string }> {
  const upstream = await startTestUpstream(answer)
  t.teardown(upstream.close)
  const gateway = await startTestGateway(`
listen:
  timeout: {request: 2s}
auth: {keys: {type: api-key}}
roles:
  all: {access: {main: {tools: {allow: [get_*]}}}}
  elsewhere: {access: {other: {tools: {allow: ["*"]}}}}
keys:
  agent: {roles: [all], secrets: [{hash: "${hashSecret(key)}"}]}
  stranger: {roles: [elsewhere], secrets: [{hash: "${hashSecret(roleless)}"}]}
proxies:
  main: {auth: [keys], maxBody: 64KiB, upstream: {url: "${upstream.url}", timeout: {response: 300ms}}}
  other: {auth: [keys], upstream: {url: "${upstream.url}"}}
`)
  t.teardown(gateway.close)
  return { gateway, upstream, url: `${gateway.url}/main/mcp` }
}

interface Told {
  readonly status: number
  readonly type: string | null
  readonly id: unknown
  readonly reason: string | undefined
}

/** A call whose id comes last, as the SDKs for TypeScript and Python write it. */
function callOf(era: Era, params: object = {}, method = 'tools/call'): string {
  const meta = { _meta: { 'io.modelcontextprotocol/protocolVersion': version.modern } }
  const all = { name: 'get_a', ...params, ...(era === 'modern' && meta) }
  return JSON.stringify({ method, params: all, jsonrpc: '2.0', id: 'c-7' })
}

async function send(
  url: string,
  era: Era,
  body: string | ReadableStream,
  more: Record<string, string> = {},
): Promise<Told> {
  const response = await fetch(url, {
    method: 'POST',
    body,
    ...(typeof body !== 'string' && { duplex: 'half' as const }),
    headers: {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': version[era],
      ...(era === 'modern' && { 'mcp-method': 'tools/call', 'mcp-name': 'get_a' }),
      ...more,
    },
  })
  const [type, content] = [response.headers.get('content-type'), await response.text()]
  const { status } = response
  if (type === text) return { status, type, id: undefined, reason: /^\w+(?= \()/.exec(content)?.[0] }
  const { id, error } = JSON.parse(content) as { id: unknown; error?: { data?: { reason: string } } }
  return { status, type, id, reason: error?.data?.reason }
}

t.test('a call that failed ended the whole legacy session', async t => {
  const { url, upstream } = await setUp(t, (arrival, response) => {
    const how = arrival.headers['x-answer']
    if (how === 'reset') response.socket!.destroy()
    else if (how === 'html') response.writeHead(200, { 'content-type': 'text/html' }).end('<p>')
    else if (how === 'unauthorized') response.writeHead(401).end()
    else if (how !== 'silent') ok(arrival, response)
  })
  const failures = [
    ['reset', 502, 'upstream_unreachable'],
    ['html', 502, 'upstream_invalid'],
    ['unauthorized', 502, 'upstream_invalid'],
    ['silent', 504, 'upstream_timeout'],
  ] as const
  for (const era of eras) {
    for (const [answer, status, reason] of failures) {
      const told = await send(url, era, callOf(era), { 'x-answer': answer })
      const expected = era === 'legacy' ? 200 : status
      t.same(told, { status: expected, type: 'application/json', id: 'c-7', reason }, `${era} ${answer}`)
    }
    const invalid = await send(url, era, callOf(era, { arguments: 7 }))
    t.same([invalid.status, invalid.id], [era === 'legacy' ? 200 : 400, 'c-7'], `${era}: invalid parameters`)
    const early = await send(url, era, callOf(era, { ref: 7 }))
    t.same([early.status, early.id], [era === 'legacy' ? 200 : 400, 'c-7'], `${era}: an invalid reference`)
    t.same((await send(url, era, callOf(era))).reason, undefined, 'the next call is made')
  }
  await upstream.close()
  for (const message of ['"method":"notifications/progress"', '"id":1,"result":{}']) {
    const response = await fetch(url, {
      method: 'POST',
      body: `{"jsonrpc":"2.0",${message}}`,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    })
    t.same([response.status, await response.text()], [202, ''], message)
  }
  const get = await fetch(url, { headers: { authorization: `Bearer ${key}`, accept: 'text/event-stream' } })
  t.same([get.status, get.headers.get('content-type')], [502, text])
})

t.test('an upstream that failed one call ended the whole legacy session', async t => {
  const { url } = await setUp(t, (arrival, response) => {
    const [status, how] = String(arrival.headers['x-answer']).split(' ')
    const { id } = messageOf(arrival)
    const error = { code: -32603, message: 'x' }
    const type = how === 'html' ? 'text/html' : 'application/json'
    const bodies: Record<string, object> = {
      own: { jsonrpc: '2.0', id, error },
      null: { jsonrpc: '2.0', id: null, error },
      other: { jsonrpc: '2.0', id: 'c-8', error },
      result: { jsonrpc: '2.0', id, result: {} },
    }
    response.writeHead(Number(status), { 'content-type': type, 'retry-after': '9' })
    response.end(how === 'html' ? '<p>' : JSON.stringify(bodies[how!]))
  })
  const ask = (era: Era, how: string): Promise<Told> => send(url, era, callOf(era), { 'x-answer': how })
  for (const status of [408, 413, 429, 500, 502, 503, 504]) {
    for (const how of ['html', 'null', 'other', 'result']) {
      const told = await ask('legacy', `${status} ${how}`)
      t.match(told, { status: 200, id: 'c-7', reason: 'upstream_invalid' }, `${status} ${how}`)
    }
    t.equal((await ask('modern', `${status} null`)).status, status, 'the modern era has its statuses')
    const raw = await fetch(url, {
      method: 'POST',
      body: callOf('legacy'),
      headers: {
        authorization: `Bearer ${key}`,
        'content-type': 'application/json',
        'x-answer': `${status} own`,
      },
    })
    t.equal(raw.status, 200)
    t.equal(raw.headers.get('retry-after'), '9')
    t.match(await raw.json(), { id: 'c-7', error: { code: -32603, message: 'x' } }, 'its own error passes')
  }
  for (const status of [400, 403, 404, 405, 409])
    t.equal((await ask('legacy', `${status} null`)).status, status, 'what may be about the session passes')
  const note = await fetch(url, {
    method: 'POST',
    body: '{"jsonrpc":"2.0","method":"notifications/progress"}',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', 'x-answer': '503 html' },
  })
  t.equal(note.status, 202)
})

t.test('errors of authentication, of the session and of no request keep their status', async t => {
  const { url } = await setUp(t, ok)
  const session = await send(url, 'legacy', callOf('legacy'), { 'mcp-session-id': 'unknown' })
  t.match(session, { status: 404, id: 'c-7', reason: 'session_unknown' })
  const forbidden = await send(url, 'legacy', callOf('legacy'), { authorization: `Bearer ${roleless}` })
  t.match(forbidden, { status: 403, id: 'c-7', reason: 'forbidden' })
  const unknown = await send(url, 'legacy', callOf('legacy'), { authorization: 'Bearer wrong' })
  t.match(unknown, { status: 401, type: text, reason: 'credential_invalid' })
  t.match(await send(url, 'legacy', callOf('legacy').replace(',"jsonrpc"', ',,"jsonrpc"')), {
    status: 400,
    id: 'c-7',
    reason: 'json_malformed',
  })
  t.match(await send(url, 'legacy', '{'), { status: 400, type: text, reason: 'json_malformed' })
  const nested = callOf('legacy', { arguments: { x: JSON.parse(`${'['.repeat(80)}${']'.repeat(80)}`) } })
  t.match(await send(url, 'legacy', nested), { status: 400, id: 'c-7', reason: 'message_invalid' })
})

t.test('an error without the id of its request hung the client', async t => {
  const { url, upstream } = await setUp(t, ok)
  const large = { arguments: { text: '"}{\\'.repeat(50_000) } }
  for (const era of eras) {
    const bytes = Buffer.from(callOf(era, large))
    const pieces = (): ReadableStream =>
      new ReadableStream({
        start(stream) {
          for (let at = 0; at < bytes.length; at += 10_000) stream.enqueue(bytes.subarray(at, at + 10_000))
          stream.close()
        },
      })
    const tooLarge = { status: era === 'legacy' ? 200 : 413, id: 'c-7', reason: 'body_too_large' }
    t.match(await send(url, era, bytes.toString()), tooLarge, `${era}: its length is known`)
    t.match(await send(url, era, pieces()), tooLarge, `${era}: in chunks`)
    const type = { 'content-type': 'text/plain' }
    const untyped = { status: 415, id: 'c-7', reason: 'unsupported_media_type' }
    t.match(await send(url, era, callOf(era), type), untyped, `${era}: another type`)
    t.match(await send(url, era, callOf(era), { accept: 'text/html' }), { status: 406, id: 'c-7' }, era)
    const zipped = await send(url, era, callOf(era), { 'content-encoding': 'gzip' })
    t.match(zipped, { status: 415, type: text }, `${era}: a body that cannot be read`)
    const stranger = await send(url, era, bytes.toString(), { authorization: 'Bearer wrong' })
    t.match(stranger, { status: 401, type: text }, `${era}: the body of a stranger is not read`)
    const response = callOf(era, large).replace('"method":"tools/call"', '"result":{}')
    t.match(
      await send(url, era, response),
      { status: 413, type: text },
      `${era}: the id of a request of the server`,
    )
  }
  t.equal(upstream.arrivals.length, 0)
})

t.test('a request that does not arrive in time gets its id back, if that has arrived', async t => {
  const { url } = await setUp(t, ok)
  const { port } = new URL(url)
  for (const [sent, type] of [
    [callOf('legacy').replace('"id":"c-7"}', '"id":"c-7",'), 'application/json'],
    [callOf('legacy').replace('"id":"c-7"}', '"id":"c-'), text],
  ] as const) {
    const socket = connect(Number(port), '127.0.0.1')
    t.teardown(() => socket.destroy())
    let answer = ''
    socket.setEncoding('utf8').on('data', (more: string) => (answer += more))
    const head = `POST /main/mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${key}\r\n`
    socket.write(`${head}Content-Type: application/json\r\nContent-Length: 500\r\n\r\n${sent}`)
    await once(socket, 'close')
    t.match(answer, /^HTTP\/1\.1 408 /)
    t.match(answer.toLowerCase(), `content-type: ${type}\r\n`)
    t.equal(answer.includes('"id":"c-7"'), type !== text)
  }
})

t.test('the id of a body is found wherever its chunks end, and never in the wrong place', t => {
  const scan = (body: string, size: number): string | undefined => {
    const [scanner, bytes] = [new IdScanner(), Buffer.from(body)]
    for (let at = 0; at < bytes.length; at += size) scanner.take(bytes.subarray(at, at + size))
    return scanner.id()
  }
  const bodies: [body: string, id: string | undefined][] = [
    ['{"jsonrpc":"2.0","id":7,"method":"a"}', '7'],
    [' { "method" : "a" , "id" : "é\\"}," } ', '"é\\"},"'],
    ['{"method":"a","params":{"id":1,"x":"\\"id\\":2,"},"id":12345678901234567890}', '12345678901234567890'],
    ['{"id":"a","method":"b","params":{"text":"', '"a"'],
    ['{"method":"a","id":12', undefined],
    ['{"params":{"id":1},"method":"a"}', undefined],
    ['{"id":1,"result":{}}', undefined],
    ['{"id":1,"method":"a","id":2}', undefined],
    ['{"id":1,"method":"a","\\u0069d":2}', undefined],
    ['[{"id":1,"method":"a"}]', undefined],
    ['{"id":null,"method":"a"}', undefined],
    ['{"id":{"id":1},"method":"a"}', undefined],
    [`{"id":"${'x'.repeat(2000)}","method":"a"}`, undefined],
    [`{"id":${'1'.repeat(1025)},"method":"a"}`, undefined],
  ]
  for (const [body, id] of bodies)
    for (const size of [1, 3, 5000]) t.equal(scan(body, size), id, `${body.slice(0, 60)} by ${size}`)
  t.end()
})

t.test('a gateway that stops answers a call that comes too late', async t => {
  const finishes: (() => void)[] = []
  const { gateway, url, upstream } = await setUp(t, (arrival, response) => {
    finishes.push(() => ok(arrival, response))
  })
  const body = callOf('legacy')
  const head = `POST /main/mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${key}\r\n`
  const request = `${head}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  let answer = ''
  socket.setEncoding('utf8').on('data', (more: string) => (answer += more))
  socket.write(request)
  await until(() => upstream.arrivals.length === 1, 'the first has arrived')
  const closed = gateway.close()
  socket.write(request)
  finishes.forEach(finish => finish())
  await Promise.all([once(socket, 'close'), closed])
  t.match(
    answer,
    /^HTTP\/1\.1 200 [^]*"ok":true[^]*HTTP\/1\.1 200 [^]*retry-after: 1[^]*"id":"c-7"[^]*"draining"/i,
  )
})

t.test('a body that was too large was refused as too late while its id was read', async t => {
  const { url } = await setUp(t, ok)
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  let answer = ''
  socket.setEncoding('utf8').on('data', (more: string) => (answer += more))
  const head = `POST /main/mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${key}\r\n`
  const begin = '{"jsonrpc":"2.0","id":"c-7","method":"tools/call","params":{"x":"'
  socket.write(`${head}Content-Type: application/json\r\nContent-Length: 6000000\r\n\r\n${begin}`)
  socket.write('a'.repeat(5_000_000))
  // Slow enough for the time of the request, and fast enough for the reading of its id.
  const timer = setInterval(() => socket.write('a'), 100)
  t.teardown(() => {
    clearInterval(timer)
    socket.destroy()
  })
  await until(() => answer.includes('requestId'), 'it is answered')
  t.match(answer, '"id":"c-7"')
  t.match(answer, 'body_too_large')
})
