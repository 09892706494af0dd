import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { parseAnswer } from './fixtures/answer.ts'
import { hashSecret } from '../gateway/auth/api-key/key.ts'
import type { RequestHead } from '../gateway/auth/request-head.ts'
import { createOriginCheck } from '../policies/origin.ts'
import { startTestGateway, type TestGateway } from './fixtures/gateway.ts'
import {
  event,
  json,
  messageOf,
  sse,
  startTestUpstream,
  type Answer,
  type TestUpstream,
} from './fixtures/upstream.ts'
import { until } from './fixtures/until.ts'

const key = 'canary-of-the-proxy-test-0123456789abcdef'
const other = 'canary-of-another-key-0123456789abcdef'
const bearer = { authorization: `Bearer ${key}` }

interface Setting {
  gateway: TestGateway
  upstream: TestUpstream
  url: string
}

/** A gateway with one proxy before an upstream that answers as told. */
async function setUp(t: Test, answer: Answer, { proxy = '', more = '', listen = '' } = {}): Promise<Setting> {
  const upstream = await startTestUpstream(answer)
  const gateway = await startTestGateway(
    `
listen:
  allowedOrigins: [https://app.example.com]
${listen}
auth:
  keys: {type: api-key}
roles:
  reader: {access: {main: {tools: {allow: ["get_*"], deny: ["get_secret"]}, prompts: {allow: ["*"]}, resources: {allow: ["users://*"]}}}}
keys:
  agent: {roles: [reader], secrets: [{hash: "${hashSecret(key)}"}]}
  rival: {roles: [reader], secrets: [{hash: "${hashSecret(other)}"}]}
proxies:
  main:
    auth: [keys]
    upstream: {url: "${upstream.url}", timeout: {response: 1s, idle: 1s}, headers: {X-Upstream-Key: {env: UPSTREAM_KEY}, User-Agent: {value: gatehouse}}}
${proxy}
${more}
`,
    { env: { UPSTREAM_KEY: 'upstream-secret' } },
  )
  t.teardown(async () => {
    await upstream.close()
    await gateway.close()
  })
  return { gateway, upstream, url: `${gateway.url}/main/mcp` }
}

const call = (id: number | string, name: string, params: object = {}): string =>
  JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params: { name, ...params } })

async function post(url: string, body: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    body,
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...bearer,
      ...headers,
    },
  })
}

/** Sends with node:http, which lets a test write headers that fetch would not. */
function raw(
  url: string,
  {
    method = 'POST',
    headers = {},
    body,
  }: { method?: string; headers?: Record<string, string | string[]>; body?: string },
): Promise<IncomingMessage & { text: string }> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest(url, { method, headers: { ...bearer, ...headers } }, response => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
      response.on('end', () => resolve(Object.assign(response, { text })))
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

const ok: Answer = (arrival, response) =>
  json(response, { jsonrpc: '2.0', id: messageOf(arrival).id, result: { ok: true } })

t.test('the same bytes go upstream, and the answer comes back as it is', async t => {
  const answer = '{"jsonrpc" : "2.0","result":{"n":1.0e2,"big":9007199254740993},"id":9007199254740993}'
  const { upstream, url } = await setUp(t, (_, response) =>
    json(response, answer, 200, { 'x-answer': 'kept' }),
  )
  const body =
    '{ "jsonrpc":"2.0",  "id":9007199254740993,"method":"tools/call","params":{"name":"get_\\u0061","arguments":{"é":1}}}'
  const response = await post(url, body)
  t.equal(response.status, 200)
  t.equal(await response.text(), answer)
  t.equal(response.headers.get('x-answer'), 'kept')
  t.equal(upstream.arrivals[0]!.body, body)
})

t.test('credentials, hops and forgeable headers of the client stay at the gateway', async t => {
  const { upstream, url } = await setUp(t, (arrival, response) => {
    json(response, { jsonrpc: '2.0', id: messageOf(arrival).id, result: {} }, 200, {
      connection: 'x-hop, keep-alive',
      'x-hop': 'no',
      'set-cookie': 'a=b',
      'access-control-allow-origin': '*',
      'www-authenticate': 'Basic',
    })
  })
  const response = await raw(url, {
    headers: {
      'content-type': 'application/json',
      cookie: 'session=secret',
      connection: 'x-named, x-MIXED, keep-alive',
      'x-named': 'dropped',
      'X-Mixed': 'dropped',
      te: 'trailers',
      'proxy-authorization': 'Basic c2VjcmV0',
      'x-forwarded-for': '10.0.0.1',
      forwarded: 'for=10.0.0.1',
      'accept-encoding': 'gzip, br',
      'x-upstream-key': 'forged',
      'user-agent': 'client',
      'mcp-param-region': 'eu',
      'x-kept': 'kept',
    },
    body: call(1, 'get_a'),
  })
  t.equal(response.statusCode, 200)
  const { headers } = upstream.arrivals[0]!
  const wanted = {
    'x-upstream-key': 'upstream-secret',
    'user-agent': 'gatehouse',
    'accept-encoding': 'identity',
    'x-kept': 'kept',
    'mcp-param-region': 'eu',
    host: new URL(upstream.url).host,
  }
  for (const [name, value] of Object.entries(wanted)) t.equal(headers[name], value, name)
  for (const name of [
    'authorization',
    'cookie',
    'x-named',
    'x-mixed',
    'te',
    'proxy-authorization',
    'x-forwarded-for',
    'forwarded',
    'origin',
  ]) {
    t.notOk(name in headers, name)
  }
  for (const name of ['x-hop', 'set-cookie', 'access-control-allow-origin', 'www-authenticate']) {
    t.notOk(name in response.headers, name)
  }
})

t.test('headers that a server could take for withheld ones stay here too', async t => {
  const { upstream, url } = await setUp(t, ok)
  const forged = [
    'mcp_session_id',
    'x_upstream_key',
    'X-Forwarded-User',
    'X-Original-URL',
    'X-HTTP-Method-Override',
    'Proxy',
    'True-Client-IP',
  ]
  const response = await raw(url, {
    headers: {
      'content-type': 'application/json; charset=utf-8',
      ...Object.fromEntries(forged.map(name => [name, 'forged'])),
    },
    body: call(1, 'get_a'),
  })
  t.equal(response.statusCode, 200)
  t.notMatch(JSON.stringify(upstream.arrivals[0]!.rawHeaders), 'forged')
  t.equal(
    upstream.arrivals[0]!.headers['content-type'],
    'application/json',
    'and the media type is what was judged',
  )
})

t.test('the query of the client does not reach the upstream', async t => {
  const { upstream, url } = await setUp(t, ok)
  t.equal((await post(`${url}?toolset=all`, call(1, 'get_a'))).status, 200)
  t.equal(upstream.arrivals[0]!.url, '/mcp')
})

t.test('who is not known gets 401 before the body is read', async t => {
  const { upstream, url, gateway } = await setUp(t, ok)
  const cases: [string, Record<string, string>, number, string][] = [
    ['no credential', { authorization: '' }, 40102, 'credential_invalid'],
    ['a wrong key', { authorization: `Bearer ${'x'.repeat(40)}` }, 40102, 'credential_invalid'],
    [
      'a key with a wrong checksum',
      { authorization: `Bearer gate_${'a'.repeat(43)}_000000` },
      40102,
      'credential_invalid',
    ],
    ['another scheme', { authorization: `Basic ${key}` }, 40101, 'credential_missing'],
  ]
  for (const [name, headers, code, reason] of cases.slice(1)) {
    const response = await post(url, call(1, 'get_a'), headers)
    t.equal(response.status, 401, name)
    t.match(parseAnswer(await response.text()), { error: { code, data: { reason } } }, name)
    const challenge = response.headers.get('www-authenticate') ?? ''
    t.match(challenge, /^Bearer realm="main"/, name)
    t.equal(challenge.includes('error="invalid_token"'), reason !== 'credential_missing', name)
  }
  const none = await fetch(url, {
    method: 'POST',
    body: call(1, 'get_a'),
    headers: { 'content-type': 'application/json' },
  })
  t.equal(none.status, 401)
  t.match(parseAnswer(await none.text()), { error: { code: 40101, data: { reason: 'credential_missing' } } })
  t.equal(none.headers.get('www-authenticate'), 'Bearer realm="main"')

  const modern = await fetch(url, { method: 'POST', headers: { 'mcp-protocol-version': '2026-07-28' } })
  t.equal(modern.headers.get('content-type'), 'text/plain; charset=utf-8', 'an error without an id is text')

  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.write(`POST /main/mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500000\r\n\r\n`)
  const [first] = (await once(socket, 'data')) as [Buffer]
  t.match(first.toString(), /^HTTP\/1\.1 401 /)
  socket.destroy()
  t.equal(upstream.arrivals.length, 0)
  t.notMatch(gateway.logText(), key)
})

t.test('a name that is not allowed is answered like one that does not exist', async t => {
  const { upstream, url, gateway } = await setUp(t, ok)
  const ask = async (
    method: string,
    params: object,
  ): Promise<{ status: number; body: Record<string, unknown> }> => {
    const response = await post(url, JSON.stringify({ jsonrpc: '2.0', id: 'q', method, params }))
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  }
  for (const name of ['delete_user', 'get_secret', 'no_such_tool', 'GET_users']) {
    const { status, body } = await ask('tools/call', { name })
    t.equal(status, 200, name)
    t.match(
      body,
      { jsonrpc: '2.0', id: 'q', error: { code: -32602, message: `Unknown tool: ${name}` } },
      name,
    )
  }
  t.match(await ask('resources/read', { uri: 'orders://1' }), {
    status: 200,
    body: { error: { code: -32602, message: 'Unknown resource: orders://1', data: { uri: 'orders://1' } } },
  })
  t.match((await ask('resources/subscribe', { uri: 'orders://1' })).body, { error: { code: -32602 } })
  t.match((await ask('completion/complete', { ref: { type: 'ref/resource', uri: 'orders://1' } })).body, {
    error: { code: -32602 },
  })
  t.equal(upstream.arrivals.length, 0)
  t.match((await ask('resources/read', { uri: 'users://1' })).body, { result: { ok: true } })
  t.match((await ask('ping', {})).body, { result: { ok: true } })
  t.equal(upstream.arrivals.length, 2)
  const denied = gateway.lines.filter(line => line['decision'] === 'deny')
  t.match(denied[1], {
    principal: 'agent',
    name: 'get_secret',
    rule: '/roles/reader/access/main/tools/deny/0',
    reason: 'name_unknown',
  })
  t.equal(denied.length, 7, 'every denial is logged')
})

t.test('a refused batch is refused whole, with an error for each request', async t => {
  const { upstream, url } = await setUp(t, ok)
  const batch = `[${call(1, 'get_a')},${call(2, 'delete_user')},{"jsonrpc":"2.0","method":"notifications/x"}]`
  const response = await post(url, batch)
  t.equal(response.status, 200)
  t.match(await response.json(), [
    { id: 1, error: { code: -32600 } },
    { id: 2, error: { code: -32602, message: 'Unknown tool: delete_user' } },
  ])
  t.equal(upstream.arrivals.length, 0)
  t.equal((await post(url, batch, { 'mcp-protocol-version': '2025-06-18' })).status, 400)
  t.equal((await post(url, `[${call(1, 'get_a')}]`)).status, 200)
  t.equal(upstream.arrivals.length, 1)
})

t.test('lists are filtered in JSON, in a stream, and in a resumed stream', async t => {
  const tools = [{ name: 'get_a' }, { name: 'delete_b' }, { name: 'get_secret' }]
  const { url } = await setUp(t, (arrival, response) => {
    const message = {
      jsonrpc: '2.0',
      id: messageOf(arrival).id ?? 1,
      result: { tools, cacheScope: 'public' },
    }
    if (arrival.method === 'POST' && arrival.headers['x-answer'] !== 'sse') return json(response, message)
    sse(response)
    const text = event(message, 'e1').replaceAll('\n', '\r\n')
    // One event in pieces, split inside a line break and inside a character.
    for (const byte of Buffer.from(`id: e0\ndata: \n\n${text}`)) response.write(Buffer.from([byte]))
    response.end()
    return undefined
  })
  const list = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}'
  const wanted = { jsonrpc: '2.0', id: 1, result: { tools: [{ name: 'get_a' }], cacheScope: 'private' } }
  t.same(await (await post(url, list)).json(), wanted)
  const inStream = await (await post(url, list, { 'x-answer': 'sse' })).text()
  t.match(inStream, 'id: e0')
  t.match(inStream, 'id: e1')
  t.same(JSON.parse(/^data: (\{.*\})$/m.exec(inStream)![1]!), wanted)
  const resumed = await fetch(url, {
    headers: { ...bearer, accept: 'text/event-stream', 'last-event-id': 'e0' },
  })
  t.same(JSON.parse(/^data: (\{.*\})$/m.exec(await resumed.text())![1]!), wanted)
})

t.test('a list that cannot be read is refused, not passed', async t => {
  const answers: Record<string, Answer> = {
    gzip: (_, response) => json(response, 'x', 200, { 'content-encoding': 'gzip' }),
    'no JSON': (_, response) => json(response, '{"result":{"tools":[{"name":"delete_b"}]'),
    nameless: (_, response) =>
      json(response, { jsonrpc: '2.0', id: 1, result: { tools: [{ title: 'delete_b' }] } }),
    'no list': (_, response) => json(response, { jsonrpc: '2.0', id: 1, result: {} }),
    html: (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<p>'),
    'too large': (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(`{"id":1,"result":{"tools":[{"name":"get_a","x":"${'x'.repeat(9 * 1024 * 1024)}"}]}}`)
    },
    'invalid UTF-8': (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(Buffer.from('{"id":1,"result":{"tools":[{"name":"get_\xff"}]}}', 'latin1'))
    },
  }
  const { url } = await setUp(t, (arrival, response) =>
    answers[String(arrival.headers['x-answer'])]!(arrival, response),
  )
  for (const name of Object.keys(answers)) {
    const response = await post(url, '{"jsonrpc":"2.0","id":1,"method":"tools/list"}', { 'x-answer': name })
    t.equal(response.status, 200, name)
    t.match(
      await response.json(),
      { id: 1, error: { code: 50202, data: { reason: 'upstream_invalid' } } },
      name,
    )
  }
})

t.test('a byte order mark does not carry a list past the filter', async t => {
  const { url } = await setUp(t, (arrival, response) => {
    sse(response)
    response.end(
      `\ufeff${event({ jsonrpc: '2.0', id: messageOf(arrival).id, result: { tools: [{ name: 'delete_b' }] } })}`,
    )
  })
  t.notMatch(await (await post(url, '{"jsonrpc":"2.0","id":1,"method":"tools/list"}')).text(), 'delete_b')
})

t.test('a list that answers nothing is not passed', async t => {
  const { url } = await setUp(t, (_, response) =>
    json(response, { jsonrpc: '2.0', id: 1, result: { tools: [{ name: 'delete_b' }] } }),
  )
  for (const body of [
    '{"jsonrpc":"2.0","method":"notifications/progress"}',
    '{"jsonrpc":"2.0","id":1,"result":{}}',
  ]) {
    const response = await post(url, body)
    t.equal(response.status, 200)
    t.notMatch(await response.text(), 'delete_b')
  }
  const deleted = await fetch(url, { method: 'DELETE', headers: bearer })
  t.notMatch(await deleted.text(), 'delete_b')
})

t.test('a list that cannot be read ends its stream with an error', async t => {
  const { url } = await setUp(t, (_, response) => {
    sse(response)
    response.write('data: {"id":1,"result":{"tools":[{"name":"delete_b"}]\n\n')
  })
  const text = await (await post(url, '{"jsonrpc":"2.0","id":1,"method":"tools/list"}')).text()
  t.notMatch(text, 'delete_b')
  t.match(text, '"code":50202')
})

t.test('what an upstream must not answer becomes 502', async t => {
  const answers: Record<string, Answer> = {
    'an empty success': (_, response) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end(),
    'accepted, to a request': (_, response) => response.writeHead(202).end(),
    html: (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<p>'),
    'a redirect': (_, response) => response.writeHead(307, { location: 'http://127.0.0.1:1/' }).end(),
    'a refusal of our credential': (_, response) =>
      response.writeHead(401, { 'www-authenticate': 'Bearer' }).end(),
    compressed: (_, response) => json(response, '{}', 200, { 'content-encoding': 'br' }),
  }
  const { url } = await setUp(t, (arrival, response) =>
    answers[String(arrival.headers['x-answer'])]!(arrival, response),
  )
  for (const name of Object.keys(answers)) {
    const response = await post(url, call(1, 'get_a'), { 'x-answer': name })
    t.equal(response.status, 200, name)
    t.match(await response.json(), { id: 1, error: { code: 50202 } }, name)
  }
})

t.test('statuses of the upstream that mean something to clients pass', async t => {
  const { url } = await setUp(t, (arrival, response) => {
    const status = Number(arrival.headers['x-status'])
    if (arrival.headers['x-status'] === 'empty')
      response.writeHead(405, { 'content-type': 'application/json' }).end()
    else if (status === 202) response.writeHead(202).end()
    else json(response, { jsonrpc: '2.0', error: { code: -32000, message: 'x' } }, status)
  })
  for (const status of [400, 404, 405, 409]) {
    t.equal((await post(url, call(1, 'get_a'), { 'x-status': String(status) })).status, status)
  }
  const notification = await post(url, '{"jsonrpc":"2.0","method":"notifications/progress"}', {
    'x-status': '202',
  })
  t.equal(notification.status, 202)
  t.equal(await notification.text(), '')
  for (const status of ['405', 'empty']) {
    const get = await fetch(url, { headers: { ...bearer, accept: 'text/event-stream', 'x-status': status } })
    t.equal(get.status, 405)
  }
})

t.test('an upstream that is not there, silent or broken', async t => {
  const { url, upstream } = await setUp(t, (arrival, response) => {
    if (arrival.headers['x-answer'] === 'reset') response.socket!.destroy()
    if (arrival.headers['x-answer'] === 'garbage') response.socket!.end('SMTP 220 hello\r\n\r\n')
    if (arrival.headers['x-answer'] === 'half') {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' })
      response.write('{"jsonrpc":"2.0",')
      setImmediate(() => response.socket!.destroy())
    }
  })
  const reason = async (answer: string): Promise<[number, unknown]> => {
    const response = await post(url, call(1, 'get_a'), { 'x-answer': answer })
    return [
      response.status,
      ((await response.json()) as { error: { data: { reason: string } } }).error.data.reason,
    ]
  }
  t.same(await reason('silent'), [200, 'upstream_timeout'])
  t.same(await reason('reset'), [200, 'upstream_unreachable'])
  t.same(await reason('garbage'), [200, 'upstream_invalid'])
  await t.rejects(reason('half'), 'half an answer never looks whole')
  await upstream.close()
  t.same(await reason('gone'), [200, 'upstream_unreachable'])
})

t.test('a stream comes event by event, and a broken one ends with an error', async t => {
  let release = (): void => {}
  const { url } = await setUp(t, (arrival, response) => {
    sse(response)
    response.write(
      event(
        { jsonrpc: '2.0', method: 'notifications/progress', params: {} },
        arrival.headers['x-ids'] === 'yes' ? 'e1' : undefined,
      ),
    )
    release = () => response.socket!.destroy()
  })
  const streamed = await post(url, call(7, 'get_a'))
  t.equal(streamed.headers.get('x-accel-buffering'), 'no')
  const reader = streamed.body!.pipeThrough(new TextDecoderStream()).getReader()
  t.match(
    (await reader.read()).value,
    'notifications/progress',
    'the first event arrives while the stream is open',
  )
  release()
  const rest = (await reader.read()).value ?? ''
  t.match(JSON.parse(/^data: (.*)$/m.exec(rest)![1]!), { id: 7, error: { code: 50201 } })
  t.ok((await reader.read()).done)

  const modern = await post(
    url,
    call(9, 'get_a', { _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' } }),
    {
      'x-ids': 'yes',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': 'get_a',
    },
  )
  const third = modern.body!.pipeThrough(new TextDecoderStream()).getReader()
  await third.read()
  release()
  t.match(
    (await third.read()).value,
    '"code":50201',
    'the modern era has no resuming, whatever ids there are',
  )

  const resumable = await post(url, call(8, 'get_a'), { 'x-ids': 'yes' })
  const second = resumable.body!.getReader()
  await second.read()
  release()
  await t.rejects(second.read(), 'a stream that can be resumed is cut, so that the client resumes it')
})

t.test('a silent stream is kept alive by comments, and only between events', async t => {
  let half = (): void => {}
  const { url } = await setUp(
    t,
    (_, response) => {
      sse(response)
      half = () => void response.write('data: {"jsonrpc":"2.0",')
    },
    { proxy: '    keepAlive: 50ms' },
  )
  const get = await fetch(url, { headers: { ...bearer, accept: 'text/event-stream' } })
  const reader = get.body!.pipeThrough(new TextDecoderStream()).getReader()
  t.equal((await reader.read()).value, ': keep-alive\n\n')
  t.equal((await reader.read()).value, ': keep-alive\n\n')
  await reader.cancel()

  const call1 = await post(url, call(1, 'get_a'))
  const second = call1.body!.pipeThrough(new TextDecoderStream()).getReader()
  half()
  let text = ''
  for (;;) {
    const { value, done } = await second.read().catch(() => ({ value: undefined, done: true }))
    if (done) break
    text += value
  }
  t.match(text, /data: \{"jsonrpc":"2.0",$/, 'nothing is written into an event; the idle timeout cuts it')
})

t.test('a stream that speaks gets no comment, and a silent one not one after the other', async t => {
  const { url } = await setUp(
    t,
    (_, response) => {
      sse(response)
      let left = 10
      const timer = setInterval(() => {
        response.write('data: {"jsonrpc":"2.0","method":"x"}\n\n')
        if (--left === 0) clearInterval(timer)
      }, 100)
    },
    { proxy: '    keepAlive: 600ms' },
  )
  const get = await fetch(url, { headers: { ...bearer, accept: 'text/event-stream' } })
  const reader = get.body!.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  const times: number[] = []
  while (times.length < 2) {
    const { value = '' } = await reader.read()
    text += value
    if (value.includes(': keep-alive')) times.push(performance.now())
  }
  await reader.cancel()
  t.match(text, /^(?:data: [^\n]+\n\n){10}(?:: keep-alive\n\n){2}$/)
  t.ok(times[1]! - times[0]! > 400, 'nor before it was so again')
})

t.test('the next stream is kept alive too, a while after the last one has ended', async t => {
  const { url } = await setUp(
    t,
    (arrival, response) => {
      if (arrival.method === 'GET') sse(response)
      else setTimeout(() => ok(arrival, response), 700)
    },
    { proxy: '    keepAlive: 50ms' },
  )
  for (let count = 0; count < 2; count++) {
    const signal = AbortSignal.timeout(5000)
    const get = await fetch(url, { headers: { ...bearer, accept: 'text/event-stream' }, signal })
    const reader = get.body!.pipeThrough(new TextDecoderStream()).getReader()
    t.equal((await reader.read()).value, ': keep-alive\n\n')
    await reader.cancel()
    t.equal((await post(url, call(1, 'get_a'))).status, 200, 'meanwhile no stream is open')
  }
})

t.test('a stream is silent no longer than keepAlive, whenever it spoke last', async t => {
  const { url } = await setUp(
    t,
    (_, response) => {
      sse(response)
      response.write(event({ jsonrpc: '2.0', method: 'notifications/message', params: {} }))
    },
    { proxy: '    keepAlive: 1s' },
  )
  const silences = await Promise.all(
    [0, 50, 100, 150, 200].map(async wait => {
      await new Promise(resolve => setTimeout(resolve, wait))
      const get = await fetch(url, { headers: { ...bearer, accept: 'text/event-stream' } })
      const reader = get.body!.getReader()
      await reader.read()
      const before = performance.now()
      await reader.read()
      const silence = performance.now() - before
      await reader.cancel()
      return silence
    }),
  )
  const mean = silences.reduce((sum, silence) => sum + silence, 0) / silences.length
  t.ok(mean < 1100, `silent for ${Math.round(mean)} ms`)
  t.ok(mean > 600, 'nor is it disturbed much earlier')
})

t.test('the headers of a silent stream arrive at once', async t => {
  const { url } = await setUp(t, (_, response) => sse(response))
  const get = await fetch(url, {
    headers: { ...bearer, accept: 'text/event-stream' },
    signal: AbortSignal.timeout(2000),
  })
  t.equal(get.status, 200)
  await get.body!.cancel()
})

t.test('headers that say something else than the body go nowhere', async t => {
  const { url, upstream } = await setUp(t, ok)
  const version = 'io.modelcontextprotocol/protocolVersion'
  const claimed = (claim: string): string => call(1, 'get_a', { _meta: { [version]: claim } })
  const modern = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'get_a' }
  const cases: [string, string, Record<string, string>, number][] = [
    ['another tool', claimed('2026-07-28'), { ...modern, 'mcp-name': 'get_b' }, -32020],
    ['another method', claimed('2026-07-28'), { ...modern, 'mcp-method': 'ping' }, -32020],
    ['no headers', claimed('2026-07-28'), {}, -32020],
    ['another version', claimed('2026-07-28'), { ...modern, 'mcp-protocol-version': '2025-11-25' }, -32020],
    ['a legacy call with another tool', call(1, 'get_a'), { 'mcp-name': 'get_b' }, -32020],
    [
      'an unknown version',
      claimed('2030-01-01'),
      { ...modern, 'mcp-protocol-version': '2030-01-01' },
      -32022,
    ],
    ['no claim', call(1, 'get_a'), modern, -32602],
  ]
  for (const [name, body, headers, code] of cases) {
    const response = await post(url, body, headers)
    t.equal(response.status, 400, name)
    t.match(await response.json(), { id: 1, error: { code } }, name)
  }
  t.equal(upstream.arrivals.length, 0)
  t.equal(
    (await post(url, claimed('2026-07-28'), { ...modern, 'mcp-session-id': 'of the legacy era' })).status,
    200,
  )
  t.notOk('mcp-session-id' in upstream.arrivals[0]!.headers, 'the modern era has no sessions')
})

t.test('a stream without a call may be silent for longer than the idle timeout', async t => {
  const { url } = await setUp(t, (_, response) => {
    sse(response)
    setTimeout(() => response.end('data: {"jsonrpc":"2.0","method":"x"}\n\n'), 1800)
  })
  const get = await fetch(url, { headers: { ...bearer, accept: 'text/event-stream' } })
  t.match(await get.text(), '"method":"x"')
})

t.test('informational answers do not put off the response timeout', async t => {
  const { url } = await setUp(t, (_, response) => {
    const timer = setInterval(() => response.writeProcessing(), 200)
    response.once('close', () => clearInterval(timer))
  })
  t.match(await (await post(url, call(1, 'get_a'))).json(), { id: 1, error: { code: 50401 } })
})

t.test('a time of a month was over at once', async t => {
  const warnings: Error[] = []
  const warned = (warning: Error): void => void warnings.push(warning)
  process.on('warning', warned)
  t.teardown(() => process.off('warning', warned))
  const upstream = await startTestUpstream((arrival, response) => {
    if (arrival.method === 'POST') setTimeout(() => ok(arrival, response), 50)
    else sse(response)
    setTimeout(() => response.end(), 100)
  })
  t.teardown(upstream.close)
  const gateway = await startTestGateway(`
listen:
  timeout: {request: 3650d, keepAlive: 3650d}
proxies:
  main:
    auth: none
    keepAlive: 3650d
    upstream: {url: "${upstream.url}", timeout: {connect: 3650d, response: 3650d, idle: 3650d}}
`)
  t.teardown(gateway.close)
  const url = `${gateway.url}/main/mcp`
  t.equal((await post(url, call(1, 'get_a'))).status, 200)
  t.equal(await (await fetch(url, { headers: { accept: 'text/event-stream' } })).text(), '')
  t.same(warnings, [])
})

t.test('a client that takes nothing is let go', async t => {
  const { url, upstream } = await setUp(
    t,
    (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      const text = 'x'.repeat(1024 * 1024)
      const fill = (): void => {
        while (response.write(text));
      }
      response.on('drain', fill)
      fill()
    },
    { proxy: '    keepAlive: 100ms' },
  )
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.pause()
  const body = call(1, 'get_a')
  socket.write(
    `POST /main/mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${key}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  )
  const arrival = await until(() => upstream.arrivals[0], 'the call arrives')
  await until(() => arrival.aborted, 'the upstream call ends', 5000)
  socket.destroy()
})

t.test('a connection that cannot be read any more stayed open after the stream on it', async t => {
  let finish = (): void => {}
  const { url } = await setUp(t, (_, response) => {
    sse(response)
    finish = () => void response.end(event({ jsonrpc: '2.0', method: 'notifications/message', params: {} }))
  })
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  t.teardown(() => socket.destroy())
  let text = ''
  socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  let ended = false
  socket.once('end', () => (ended = true))
  socket.write(
    `GET /main/mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${key}\r\nAccept: text/event-stream\r\n\r\n`,
  )
  await until(() => text.includes('text/event-stream'), 'the stream begins')
  for (let line = 0; line < 20; line++) socket.write('no request\r\n\r\n')
  await new Promise(resolve => setTimeout(resolve, 50))
  t.notOk(ended, 'the stream goes on')
  finish()
  await until(() => ended, 'the connection ends')
  t.match(text, /notifications\/message.*\r\n0\r\n\r\n$/s, 'the stream is whole, and nothing comes after it')
})

t.test('a client that leaves takes its upstream call along', async t => {
  const { url, upstream, gateway } = await setUp(t, (arrival, response) => {
    if (arrival.headers['x-answer'] !== 'silent') sse(response)
  })
  for (const answer of ['sse', 'silent']) {
    const leave = new AbortController()
    const before = upstream.arrivals.length
    const left = fetch(url, {
      method: 'POST',
      body: call(1, 'get_a'),
      headers: { ...bearer, 'content-type': 'application/json', 'x-answer': answer },
      signal: leave.signal,
    }).then(response => response.text())
    const arrival = await until(() => upstream.arrivals[before], 'the call arrives')
    leave.abort()
    await t.rejects(left)
    await until(() => arrival.aborted, 'the upstream sees the client leave', 900)
  }
  t.equal((await gateway.status()).openStreams, 0)
})

t.test('legacy sessions belong to the key that opened them', async t => {
  const { url, upstream, gateway } = await setUp(t, (arrival, response) => {
    const { id, method } = messageOf(arrival)
    json(
      response,
      { jsonrpc: '2.0', id, result: {} },
      200,
      method === 'initialize' ? { 'mcp-session-id': 'upstream-session' } : {},
    )
  })
  const opened = await post(url, '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}')
  const session = opened.headers.get('mcp-session-id')!
  t.not(session, 'upstream-session')
  t.equal((await post(url, call(2, 'get_a'), { 'mcp-session-id': session })).status, 200)
  t.equal(upstream.arrivals.at(-1)!.headers['mcp-session-id'], 'upstream-session')

  const stolen = await post(url, call(3, 'get_a'), {
    'mcp-session-id': session,
    authorization: `Bearer ${other}`,
  })
  t.equal(stolen.status, 404)
  t.match(await stolen.json(), { id: 3, error: { code: 40401, data: { reason: 'session_unknown' } } })
  t.equal((await post(url, call(3, 'get_a'), { 'mcp-session-id': 'upstream-session' })).status, 404)
  t.equal(upstream.arrivals.length, 2)
  const denied = gateway.lines.find(line => line['reason'] === 'session_unknown')
  t.match(denied, { decision: 'deny', principal: 'rival' })
  t.notOk('rule' in denied!, 'no rule that allowed is named for a denial')

  const ended = await fetch(url, { method: 'DELETE', headers: { ...bearer, 'mcp-session-id': session } })
  t.equal(ended.status, 200)
  t.match(upstream.arrivals.at(-1), { method: 'DELETE', headers: { 'mcp-session-id': 'upstream-session' } })
})

t.test('GET carries Last-Event-ID upstream and its stream back', async t => {
  const { url, upstream } = await setUp(t, (_, response) => {
    sse(response)
    response.end(event({ jsonrpc: '2.0', method: 'notifications/tools/list_changed' }, 'e2'))
  })
  const response = await fetch(url, {
    headers: { ...bearer, accept: 'text/event-stream', 'last-event-id': 'e1' },
  })
  t.match(response.headers.get('content-type'), 'text/event-stream')
  t.match(await response.text(), 'list_changed')
  t.match(upstream.arrivals[0], { method: 'GET', headers: { 'last-event-id': 'e1' } })
})

t.test('Host and Origin', async t => {
  const { url, upstream } = await setUp(t, ok, {
    listen: '  publicUrl: https://mcp.example.com\n  allowedHosts: [gatehouse.internal]',
  })
  const { port, host } = new URL(url)
  const status = async (headers: Record<string, string>): Promise<[number, unknown]> => {
    const response = await raw(url, {
      headers: { 'content-type': 'application/json', ...headers },
      body: call(1, 'get_a'),
    })
    const body = parseAnswer(response.text) as { id?: unknown; error?: { data: { reason: string } } }
    return [response.statusCode!, body.error?.data.reason ?? 'ok']
  }
  const accepted: Record<string, string>[] = [
    { host },
    { host: `localhost:${port}` },
    { host: `LOCALHOST:${port}` },
    { host: 'mcp.example.com' },
    { host: 'gatehouse.internal:1234' },
    { host: '192.0.2.7:8080' },
    { host: '[2001:db8::1]:8080', origin: 'https://[2001:db8::1]:8080' },
    { host, origin: 'https://app.example.com' },
    { host: `localhost:${port}`, origin: `http://localhost:${port}` },
    { host: 'mcp.example.com', origin: 'https://mcp.example.com' },
  ]
  for (const headers of accepted) t.same(await status(headers), [200, 'ok'], JSON.stringify(headers))
  const refused: [Record<string, string>, string][] = [
    [{ host: 'evil.example.com' }, 'host_refused'],
    [{ host: 'evil.example.com', origin: 'http://evil.example.com' }, 'host_refused'],
    [{ host: '10.0.0' }, 'host_refused'],
    [{ host: '0x7f000001' }, 'host_refused'],
    [{ host: '10.0.0.1.example.com' }, 'host_refused'],
    [{ host, origin: 'http://evil.example.com' }, 'origin_refused'],
    [{ host, origin: 'null' }, 'origin_refused'],
    [{ host, origin: 'https://app.example.com.evil.example.com' }, 'origin_refused'],
    [{ host, origin: 'https://app.example.com/' }, 'origin_refused'],
    [{ host: `localhost:${port}`, origin: 'http://localhost:1' }, 'origin_refused'],
    [{ host: 'mcp.example.com', origin: 'http://mcp.example.com' }, 'origin_refused'],
    [{ host: 'mcp.example.com', origin: 'https://mcp.example.com:8443' }, 'origin_refused'],
    [{ host: 'gatehouse.internal:1234', origin: 'http://gatehouse.internal:1234' }, 'origin_refused'],
  ]
  for (const [headers, reason] of refused)
    t.same(await status(headers), [403, reason], JSON.stringify(headers))
  t.equal(upstream.arrivals.length, accepted.length)
})

t.test('a page of plain http could ask a gateway that is reached by https', async t => {
  const head = (name: string, sent: string): Pick<RequestHead, 'headers'> => ({
    headers: { host: name, origin: sent },
  })
  const hosts = { allowedHosts: ['mcp.example.com'], allowedOrigins: ['http://listed.example.com'] }
  const tls = { cert: { file: 'a' }, key: { file: 'b' }, minVersion: 'TLSv1.2' } as const
  const gateways: [string, Parameters<typeof createOriginCheck>[0], readonly string[]][] = [
    ['http', hosts, ['http', 'https']],
    ['http, with an URL', { ...hosts, publicUrl: 'http://mcp.example.com' }, ['http', 'https']],
    ['https in front', { ...hosts, publicUrl: 'https://mcp.example.com' }, ['https']],
    ['https', { ...hosts, tls }, ['https']],
    ['https here, and an URL of http', { ...hosts, tls, publicUrl: 'http://mcp.example.com' }, ['https']],
  ]
  for (const [name, listen, schemes] of gateways) {
    const check = createOriginCheck(listen)
    for (const host of ['mcp.example.com', 'mcp.example.com:8443', '192.0.2.1']) {
      const good = ['http', 'https'].filter(scheme =>
        isAccepted(() => check(head(host, `${scheme}://${host}`))),
      )
      t.strictSame(good, schemes, `${name}: ${host}`)
    }
    t.doesNotThrow(() => check(head('mcp.example.com', 'http://listed.example.com')), 'one that is listed')
    const isLocal = isAccepted(() => check(head('localhost:80', 'http://localhost:80')))
    t.equal(isLocal, !('tls' in listen), `${name}: localhost`)
  }
})

function isAccepted(check: () => void): boolean {
  try {
    check()
    return true
  } catch {
    return false
  }
}

t.test('a preflight is answered without a credential, for allowed origins only', async t => {
  const { url, upstream } = await setUp(t, ok)
  const ask = (origin: string): Promise<Response> =>
    fetch(url, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,mcp-param-region,x-other',
      },
    })
  const allowed = await ask('https://app.example.com')
  t.equal(allowed.status, 204)
  t.equal(allowed.headers.get('access-control-allow-origin'), 'https://app.example.com')
  const names = (allowed.headers.get('access-control-allow-headers') ?? '').split(', ')
  for (const name of 'authorization content-type accept mcp-protocol-version mcp-method mcp-name mcp-session-id last-event-id mcp-param-region traceparent tracestate baggage'.split(
    ' ',
  )) {
    t.ok(names.includes(name), name)
  }
  t.notOk(names.includes('x-other'))
  t.match(allowed.headers.get('vary'), 'Origin')
  const refused = await ask('https://evil.example.com')
  t.equal(refused.status, 403)
  t.equal(refused.headers.get('access-control-allow-origin'), null)
  t.equal(upstream.arrivals.length, 0)

  const read = await post(url, call(1, 'get_a'), { origin: 'https://app.example.com' })
  t.equal(read.headers.get('access-control-allow-origin'), 'https://app.example.com')
  t.equal(read.headers.get('access-control-expose-headers'), 'mcp-session-id, www-authenticate, retry-after')
  const denied = await post(url, call(1, 'get_a'), {
    origin: 'https://app.example.com',
    authorization: 'Bearer x',
  })
  t.equal(
    denied.headers.get('access-control-allow-origin'),
    'https://app.example.com',
    'a browser may read a 401 too',
  )
})

t.test('methods, media types and paths', async t => {
  const { url, gateway } = await setUp(t, ok)
  const cases: [string, Parameters<typeof raw>, number, string][] = [
    ['PUT', [url, { method: 'PUT' }], 405, 'method_not_allowed'],
    [
      'text',
      [url, { headers: { 'content-type': 'text/plain' }, body: call(1, 'delete_user') }],
      415,
      'unsupported_media_type',
    ],
    ['no type', [url, { body: call(1, 'delete_user') }], 415, 'unsupported_media_type'],
    [
      'JSON in UTF-16',
      [url, { headers: { 'content-type': 'application/json; charset=utf-16' }, body: '{}' }],
      415,
      'unsupported_media_type',
    ],
    [
      'two charsets, one hidden',
      [
        url,
        { headers: { 'content-type': 'application/json; x="; charset=utf-8"; charset=utf-7' }, body: '{}' },
      ],
      415,
      'unsupported_media_type',
    ],
    [
      'two charsets',
      [url, { headers: { 'content-type': 'application/json;charset=utf-8;charset=utf-7' }, body: '{}' }],
      415,
      'unsupported_media_type',
    ],
    [
      'two credentials',
      [url, { headers: { authorization: [`Bearer ${key}`, `Bearer ${other}`] } }],
      400,
      'request_malformed',
    ],
    [
      'a compressed body',
      [url, { headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' }, body: 'x' }],
      415,
      'unsupported_media_type',
    ],
    [
      'an Accept of html',
      [url, { headers: { accept: 'text/html', 'content-type': 'application/json' }, body: call(1, 'get_a') }],
      406,
      'not_acceptable',
    ],
    [
      'GET for JSON',
      [url, { method: 'GET', headers: { accept: 'application/json' } }],
      406,
      'not_acceptable',
    ],
    ['a path behind it', [`${url}/x`, {}], 404, 'path_unknown'],
    ['two slashes at its end', [`${url}//`, {}], 404, 'path_unknown'],
    ['a path in another case', [url.replace('/main', '/MAIN'), {}], 404, 'path_unknown'],
    ['an encoded path', [url.replace('/main', '/%6dain'), {}], 404, 'path_unknown'],
    [
      'metadata',
      [`${gateway.url}/.well-known/oauth-authorization-server`, { method: 'GET' }],
      404,
      'path_unknown',
    ],
    ['the root', [`${gateway.url}/`, { method: 'GET' }], 404, 'path_unknown'],
  ]
  for (const [name, [target, options], status, reason] of cases) {
    const response = await raw(target, options)
    t.equal(response.statusCode, status, name)
    t.match(response.headers['content-type'], /^(?:application\/json|text\/plain; charset=utf-8)$/, name)
    t.match(parseAnswer(response.text), { error: { data: { reason } } }, name)
  }
  for (const accept of [
    '*/*',
    'application/json',
    'text/event-stream',
    'application/*',
    'text/html, application/json;q=0.5',
  ]) {
    t.equal((await post(url, call(1, 'get_a'), { accept })).status, 200, accept)
  }
  t.equal(
    (await post(url, call(1, 'get_a'), { 'content-type': 'Application/JSON; charset="UTF-8"' })).status,
    200,
  )
})

t.test('keys in a header of their own, in a cookie and in the query', async t => {
  const upstream = await startTestUpstream(ok)
  const gateway = await startTestGateway(`
auth:
  own: {type: api-key, name: X-Api-Key}
  schemed: {type: api-key, name: X-Token, scheme: Token}
  cookie: {type: api-key, in: cookie, name: key}
  query: {type: api-key, in: query, name: api_key}
roles: {all: {access: {"*": {tools: {allow: ["*"]}}}}}
keys:
  agent: {roles: [all], secrets: [{hash: "${hashSecret(key)}"}]}
  late: {roles: [all], secrets: [{hash: "${hashSecret('late')}", notBefore: 2999-01-01}]}
  early: {roles: [all], secrets: [{hash: "${hashSecret('early')}"}], expires: 2001-01-01}
  empty: {roles: [all], secrets: [{hash: "${hashSecret('')}"}]}
  off: {roles: [all], disabled: true, secrets: [{hash: "${hashSecret('off')}"}]}
  two: {roles: [all], secrets: [{hash: "${hashSecret('old')}", expires: 2001-01-01}, {hash: "${hashSecret('new')}"}]}
proxies:
  main: {auth: [own, schemed, cookie, query], upstream: {url: "${upstream.url}"}}
  open: {auth: none, upstream: {url: "${upstream.url}"}, tools: {deny: [delete_*]}}
`)
  t.teardown(async () => {
    await upstream.close()
    await gateway.close()
  })
  const url = `${gateway.url}/main/mcp`
  const ask = async (headers: Record<string, string>, query = ''): Promise<[number, string]> => {
    const response = await fetch(url + query, {
      method: 'POST',
      body: call(1, 'x'),
      headers: { 'content-type': 'application/json', ...headers },
    })
    const body = parseAnswer(await response.text()) as { error?: { data: { reason: string } } }
    return [response.status, body.error?.data.reason ?? 'ok']
  }
  const fine: [number, string] = [200, 'ok']
  t.same(await ask({ 'x-api-key': key }), fine)
  t.same(await ask({ 'x-token': `Token ${key}` }), fine)
  t.same(await ask({ 'x-token': `token ${key}` }), fine)
  t.same(await ask({ cookie: `a=b; key=${key}` }), fine)
  t.same(await ask({}, `?a=b&api_key=${key}`), fine)
  t.equal(upstream.arrivals.length, 5)
  for (const { rawHeaders, url: path } of upstream.arrivals)
    t.notMatch(JSON.stringify([rawHeaders, path]), key, 'no key goes upstream')

  t.same(await ask({ 'x-token': key }), [401, 'credential_missing'])
  t.same(await ask({ authorization: `Bearer ${key}` }), [401, 'credential_missing'])
  t.same(
    await ask({ 'x-api-key': key, cookie: `key=${key}` }),
    [401, 'credential_invalid'],
    'two credentials',
  )
  t.same(
    await ask({ 'x-api-key': 'wrong', cookie: `key=${key}` }),
    [401, 'credential_invalid'],
    'no falling through',
  )
  t.same(await ask({ cookie: `key=${key}; key=${key}` }), [401, 'credential_invalid'])
  t.same(await ask({}, `?api_key=${key}&api_key=${key}`), [401, 'credential_invalid'])
  t.same(await ask({ 'x-api-key': '' }), [401, 'credential_missing'], 'an empty header is no credential')
  t.same(await ask({ cookie: 'key=' }), [401, 'credential_invalid'])
  t.same(await ask({ 'x-api-key': 'late' }), [401, 'credential_invalid'])
  t.same(await ask({ 'x-api-key': 'early' }), [401, 'credential_expired'])
  t.same(await ask({ 'x-api-key': 'off' }), [401, 'credential_invalid'])
  t.same(await ask({ 'x-api-key': 'old' }), [401, 'credential_expired'])
  t.same(await ask({ 'x-api-key': 'new' }), fine)
  const challenge = (await fetch(url, { method: 'POST' })).headers.get('www-authenticate')
  t.equal(
    challenge,
    'ApiKey realm="main", in="header", name="X-Api-Key", Token realm="main", in="header", name="X-Token", ApiKey realm="main", in="cookie", name="key", ApiKey realm="main", in="query", name="api_key"',
  )

  const open = async (name: string): Promise<unknown> =>
    (
      await fetch(`${gateway.url}/open/mcp`, {
        method: 'POST',
        body: call(1, name),
        headers: { 'content-type': 'application/json' },
      })
    ).json()
  t.match(await open('get_a'), { result: { ok: true } })
  t.match(await open('delete_a'), { error: { code: -32602 } })
  await fetch(`${gateway.url}/open/mcp`, {
    method: 'POST',
    body: call(1, 'get_a'),
    headers: { ...bearer, 'content-type': 'application/json', 'x-api-key': key, cookie: `key=${key}` },
  })
  t.notMatch(JSON.stringify(upstream.arrivals.at(-1)!.rawHeaders), key, 'nor where nobody asked for one')
  t.notMatch(gateway.logText(), key)
})

t.test('a key without a role on the proxy gets 403, never 401', async t => {
  const { url, upstream } = await setUp(t, ok)
  t.equal((await post(url, call(1, 'get_a'))).status, 200)
  const gateway = await startTestGateway(`
auth: {keys: {type: api-key}}
roles: {elsewhere: {access: {other: {tools: {allow: ["*"]}}}}}
keys: {agent: {roles: [elsewhere], secrets: [{hash: "${hashSecret(key)}"}]}}
proxies:
  main: {auth: [keys], upstream: {url: "${upstream.url}"}}
  other: {auth: [keys], upstream: {url: "${upstream.url}"}}
`)
  t.teardown(gateway.close)
  for (const body of [call(1, 'get_a'), '{"jsonrpc":"2.0","id":1,"method":"initialize"}']) {
    const response = await post(`${gateway.url}/main/mcp`, body)
    t.equal(response.status, 403)
    t.match(parseAnswer(await response.text()), { error: { code: 40301, data: { reason: 'forbidden' } } })
    t.equal(response.headers.get('www-authenticate'), null)
  }
  t.equal((await post(`${gateway.url}/other/mcp`, call(1, 'x'))).status, 200)
})

t.test('whoever was not authenticated was told the revision', async t => {
  const upstream = await startTestUpstream(ok)
  t.teardown(upstream.close)
  const gateway = await startTestGateway(`
auth: {keys: {type: api-key}}
roles: {reader: {access: {main: {tools: {allow: [get_a]}}}}}
keys: {ann: {roles: [reader], secrets: [{hash: "${hashSecret(key)}"}]}}
proxies:
  main: {auth: [keys], upstream: {url: "${upstream.url}"}}
  open: {auth: none, tools: {allow: [get_a]}, upstream: {url: "${upstream.url}"}}
`)
  t.teardown(gateway.close)
  const { revision } = await gateway.status()
  const lines = ['Host: localhost', 'Content-Type: application/json', 'Connection: close']
  const request = (path: string, body: string, ...more: string[]): string =>
    [`POST ${path} HTTP/1.1`, ...lines, `Content-Length: ${body.length}`, ...more, '', body].join('\r\n')
  const known = `Authorization: Bearer ${key}`
  const strangers = {
    'a path of nobody': request('/nowhere', '{}'),
    'a path with a key': request('/nowhere', '{}', known),
    'no credential': request('/main/mcp', '{}'),
    'a wrong key': request('/main/mcp', '{}', 'Authorization: Bearer wrong'),
    'another host': request('/main/mcp', '{}').replace('localhost', 'evil.example'),
    'another origin': request('/main/mcp', '{}', 'Origin: https://evil.example'),
    'another method': request('/main/mcp', '{}').replace('POST', 'PUT'),
    'no HTTP': 'nonsense\r\n\r\n',
    'a head that is too large': request('/main/mcp', '{}', `X-Large: ${'x'.repeat(20_000)}`),
    'a name that is hidden from everybody': request('/open/mcp', call(1, 'set_a')),
    'no JSON, anonymously': request('/open/mcp', '{'),
  }
  const exchange = async (text: string): Promise<string> => {
    const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1')
    socket.write(text)
    let answer = ''
    for await (const chunk of socket) answer += String(chunk)
    return answer
  }
  for (const [name, text] of Object.entries(strangers)) {
    const answer = await exchange(text)
    t.match(answer, /"?requestId"?: ?"?[0-9a-f]{32}/, name)
    t.notMatch(answer, revision, name)
  }
  const preflight = ['OPTIONS /main/mcp HTTP/1.1', ...lines, 'Origin: http://localhost']
  t.notMatch(
    await exchange([...preflight, 'Access-Control-Request-Method: POST', '', ''].join('\r\n')),
    revision,
  )
  for (const body of [call(1, 'set_a'), '{'])
    t.match(await exchange(request('/main/mcp', body, known)), new RegExp(`revision"?: ?"?${revision}`))
})

t.test('the admin listener', async t => {
  const { gateway, url } = await setUp(t, ok)
  await post(url, call(1, 'get_a'))
  t.equal((await fetch(`${gateway.adminUrl}/livez`)).status, 200)
  t.equal((await fetch(`${gateway.adminUrl}/readyz`)).status, 200)
  t.match(await gateway.status(), {
    revision: /^[0-9a-f]{12}$/,
    lastReload: { successful: true },
    openStreams: 0,
  })
  const metrics = await gateway.metrics()
  t.match(metrics, 'gatehouse_config_last_reload_successful 1')
  t.match(metrics, /gatehouse_requests_total\{proxy="main",status="200",reason=""\} 1/)
  t.equal((await fetch(`${gateway.adminUrl}/main/mcp`)).status, 404)
  t.equal((await fetch(`${gateway.adminUrl}/status`, { method: 'POST' })).status, 405)
  t.equal((await fetch(`${gateway.url}/status`)).status, 404)
})

t.test('a stopping gateway lets calls end, ends listening streams, and refuses what is new', async t => {
  const finishes: (() => void)[] = []
  const upstream = await startTestUpstream((arrival, response) => {
    if (arrival.method === 'GET') sse(response)
    else finishes.push(() => json(response, { jsonrpc: '2.0', id: 1, result: { ok: true } }))
  })
  t.teardown(upstream.close)
  const gateway = await startTestGateway(`proxies: {main: {auth: none, upstream: {url: "${upstream.url}"}}}`)
  const url = `${gateway.url}/main/mcp`
  const running = post(url, call(1, 'x'))
  const listening = await fetch(url, { headers: { accept: 'text/event-stream' } })
  await until(() => upstream.arrivals.length === 2, 'both have arrived')

  const pipelined = connect(Number(new URL(url).port), '127.0.0.1')
  const request = `POST /main/mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${call(1, 'x').length}\r\n\r\n${call(1, 'x')}`
  const answers = new Promise<string>(resolve => {
    let text = ''
    pipelined
      .setEncoding('utf8')
      .on('data', (chunk: string) => (text += chunk))
      .on('close', () => resolve(text))
  })
  pipelined.write(request)
  await until(() => upstream.arrivals.length === 3, 'the third has arrived')
  const closed = gateway.close()
  await listening.text()
  pipelined.write(request)
  for (const finish of finishes) finish()
  t.match(await (await running).json(), { result: { ok: true } })
  t.match(
    await answers,
    /^HTTP\/1\.1 200 [\s\S]*HTTP\/1\.1 200 [\s\S]*retry-after: 1[\s\S]*"id":1,[\s\S]*"reason":"draining"/i,
  )
  await closed
  await t.rejects(fetch(url))
})
