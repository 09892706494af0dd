import t, { type Test } from 'tap'
import { hashSecret } from '../gateway/auth/api-key/key.ts'
import { startTestGateway, type TestGateway } from './fixtures/gateway.ts'
import { event, json, sse, startTestUpstream, type Answer } from './fixtures/upstream.ts'
import { until } from './fixtures/until.ts'

const reader = 'canary-of-the-stream-reader-0123456789abcdef'
const lists = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}'
const tools = [{ name: 'get_a' }, { name: 'delete_b' }]

interface Setting {
  readonly gateway: TestGateway
  post(body: string, headers?: Record<string, string>): Promise<Response>
  get(headers?: Record<string, string>): Promise<Response>
}

/** Starts a gateway in front of an upstream. Its caller may use `get_*`. */
async function setUp(t: Test, answer: Answer): Promise<Setting> {
  const upstream = await startTestUpstream(answer)
  const gateway = await startTestGateway(`
auth:
  keys: {type: api-key}
roles:
  reader: {access: {main: {tools: {allow: ["get_*"]}}}}
keys:
  reader: {roles: [reader], secrets: [{hash: "${hashSecret(reader)}"}]}
proxies:
  main:
    auth: [keys]
    upstream: {url: "${upstream.url}", timeout: {response: 20s, idle: 1s}}
`)
  t.teardown(async () => {
    await upstream.close()
    await gateway.close()
  })
  const url = `${gateway.url}/main/mcp`
  const accept = 'application/json, text/event-stream'
  const bearer = `Bearer ${reader}`
  return {
    gateway,
    post: (body, headers = {}) =>
      fetch(url, {
        method: 'POST',
        headers: { authorization: bearer, accept, 'content-type': 'application/json', ...headers },
        body,
      }),
    get: (headers = {}) =>
      fetch(url, { headers: { authorization: bearer, accept: 'text/event-stream', ...headers } }),
  }
}

/** Returns the messages of a stream, by the standard: only events of the type `message`. */
function messagesIn(text: string): { id?: unknown; result?: unknown; error?: { code: number } }[] {
  return text
    .split('\n\n')
    .filter(one => !/^event: (?!message$)/m.test(one))
    .flatMap(one => /^data: ?(\{.*)$/m.exec(one)?.[1] ?? [])
    .map(data => JSON.parse(data) as { id?: unknown })
}

/** Reads a stream until it ends, or until it has `text`. */
async function readUntil(response: Response, text: string): Promise<string> {
  let all = ''
  const stream = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  for (;;) {
    const { done, value } = await stream.read()
    if (done) return all
    all += value
    if (!all.includes(text)) continue
    await stream.cancel()
    return all
  }
}

const named = [
  'event: ping\ndata: ping\n\n',
  'event: time\nid: 7\ndata: 2026-11-28T08:00:00Z\n\n',
  'event: endpoint\ndata: /messages?session_id=1\n\n',
  'event: error\ndata: [a warning]\ndata: in two lines\n\n',
  'event: usage\ndata: {"tokens":5}\n\n',
]

t.test('an event of another type that carries no JSON does not end a list or a stream', async t => {
  const note = { jsonrpc: '2.0', method: 'notifications/tools/list_changed' }
  const { get, post } = await setUp(t, (arrival, response) => {
    sse(response)
    for (const one of named) response.write(one)
    if (arrival.method === 'GET') response.write(event(note))
    else response.end(event({ jsonrpc: '2.0', id: 1, result: { tools } }))
  })
  const list = await (await post(lists)).text()
  t.same(messagesIn(list).at(-1), { jsonrpc: '2.0', id: 1, result: { tools: [tools[0]] } })
  const version = { 'mcp-protocol-version': '2025-06-18' }
  const stream = await readUntil(await get(version), 'list_changed')
  t.match(messagesIn(stream).at(-1), note)
  for (const one of named) {
    t.ok(list.includes(one), `in a list: ${one}`)
    t.ok(stream.includes(one), `in a stream: ${one}`)
  }
})

t.test('a list does not pass under another type', async t => {
  const list = JSON.stringify({ jsonrpc: '2.0', id: 1, result: { tools } })
  const types = ['ping', 'Message', 'message ', 'x']
  const { get, post } = await setUp(t, (arrival, response) => {
    sse(response)
    for (const type of types) response.write(`event: ${type}\ndata: ${list}\n\n`)
    // Data that only a lenient parser would take for a list.
    response.write(`event: ping\ndata: ${list},\n\n`)
    response.write(`event: ping\ndata: ping\ndata: ${list}\n\n`)
    response.write(`event: pi\u2028ng\ndata: ping\n\n`)
    if (arrival.method === 'GET') response.write('event: last\ndata: ping\n\n')
    else response.end(event({ jsonrpc: '2.0', id: 1, result: { tools } }))
  })
  for (const text of [await (await post(lists)).text(), await readUntil(await get(), 'event: last')]) {
    t.notMatch(text, 'delete_b')
    t.match(text, 'get_a')
    t.notMatch(text, 'pi\u2028ng')
  }
})

t.test('an unreadable message without a type still ends a list', async t => {
  const { post } = await setUp(t, (_, response) => {
    sse(response)
    response.end('data: ping\n\n')
  })
  t.match(messagesIn(await (await post(lists)).text()), [{ id: 1, error: { code: 50202 } }])
})

t.test('an upstream has as long as `idle` to begin its response, and the error names the field', async t => {
  const upstream = await startTestUpstream((arrival, response) => {
    if (arrival.url === '/answers') setTimeout(() => json(response, { id: 1, result: {} }), 700)
    if (arrival.url === '/pauses') sse(response)
  })
  const proxy = (path: string, timeout: string): string =>
    `{auth: none, upstream: {url: "${new URL(path, upstream.url)}", timeout: {${timeout}}}}`
  const gateway = await startTestGateway(`
proxies:
  answers: ${proxy('/answers', 'idle: 20s')}
  silent: ${proxy('/silent', 'idle: 300ms')}
  short: ${proxy('/answers', 'idle: 20s, response: 200ms')}
  pauses: ${proxy('/pauses', 'idle: 300ms')}
`)
  t.teardown(async () => {
    await upstream.close()
    await gateway.close()
  })
  const call = async (name: string): Promise<string> => {
    const headers = { accept: 'application/json, text/event-stream', 'content-type': 'application/json' }
    const body = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a"}}'
    return (await fetch(`${gateway.url}/${name}/mcp`, { method: 'POST', headers, body })).text()
  }
  t.match(await call('answers'), '"result"')
  t.match(await call('silent'), /"message":"[^"]*upstream\.timeout\.response[^"]* 0\.3 s"/)
  t.match(await call('short'), /"message":"[^"]*upstream\.timeout\.response[^"]* 0\.2 s"/)
  t.match(await call('pauses'), 'upstream.timeout.idle')
  const requests = (): Record<string, unknown>[] => gateway.lines.filter(line => line['event'] === 'request')
  await until(() => requests().length === 4, 'the calls are logged')
  t.same(
    requests().map(({ detail }) => detail),
    [undefined, 'timeout_response', 'timeout_response', 'timeout_idle'],
  )
})

/** Answers a call as the header `x-answer` says: pieces of a stream, with `|` between them, and then `cut` or `end`. */
const inPieces: Answer = (arrival, response) => {
  const pieces = String(arrival.headers['x-answer']).replaceAll('\\n', '\n').split('|')
  const end = pieces.pop()
  sse(response)
  const next = (): void => {
    const piece = pieces.shift()
    if (piece !== undefined) response.write(piece, () => setTimeout(next, 20))
    else if (end === 'cut') response.socket!.destroy()
    else if (end === 'end') response.end()
  }
  next()
}

const calls = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_a"}}'
const note = 'data: {"jsonrpc":"2.0","method":"notifications/progress","params":{"data":"result"}}\\n\\n'
const pinged = 'event: ping\\ndata: ping\\n\\n'
const answers = [
  'data: {"jsonrpc":"2.0","id":1,"result":{}}\\n\\n',
  'event: message\\ndata:{"result":{"x":"data: {"},"jsonrpc":"2.0","id":1}\\n\\n',
  'data: { "id" : 1, "jsonrpc": "2.0", "error": {"code":1,"message":""}}\\n\\n',
  'data: {"jsonrpc":"2.0","id":1,"r|esult":{}}\\n\\n',
  'event: message\\nda|ta|: |{|"|jsonrpc|":"2.0","id":|1,"error|":{"code":1,"message":""}}\\n\\n',
  `${note}data: {"jsonrpc":"2.0","id":1,"result":{}}\\n\\n${note}${pinged}`,
]

t.test('a request that has its response gets no second one, however the stream ends', async t => {
  const { gateway, post } = await setUp(t, inPieces)
  for (const body of [calls, lists])
    for (const answer of answers)
      for (const end of ['cut', 'end', 'silence']) {
        const listed = body === lists ? answer.replace(/esult":\{[^}]*\}/, 'esult":{"tools":[]}') : answer
        const response = await post(body, { 'x-answer': `${listed}|${end}` })
        const responses = messagesIn(await response.text()).filter(({ id }) => id === 1)
        t.equal(responses.length, 1, `${body} ${end} ${listed}`)
        t.not(responses[0]!.error?.code, 50202)
      }
  const requests = gateway.lines.filter(line => line['event'] === 'request')
  t.notOk(requests.some(({ reason }) => reason !== undefined))
})

t.test('a stream that ends without the response is an error at once', async t => {
  const { gateway, post } = await setUp(t, inPieces)
  for (const body of [calls, lists])
    for (const answer of ['end', `${note}|end`, `${pinged}${note}|end`, `: x\\n\\n|end`]) {
      const text = await (await post(body, { 'x-answer': answer })).text()
      t.match(messagesIn(text).at(-1), { id: 1, error: { code: 50202 } }, `${body} ${answer}`)
    }
  await until(
    () => gateway.lines.filter(({ detail }) => detail === 'upstream_no_answer').length === 8,
    'each is logged',
  )
  const resumable = await post(calls, { 'x-answer': 'id: 1\\ndata: \\n\\n|end' })
  t.same(messagesIn(await resumable.text()), [], 'but the client resumes a stream with event ids')
})

t.test('a stream that may have brought the response is cut rather than answered twice', async t => {
  const { post } = await setUp(t, inPieces)
  const pretty = 'data: {\\ndata: "jsonrpc":"2.0","id":1,"result":{}}\\n\\n'
  await t.rejects(post(calls, { 'x-answer': `${pretty}|cut` }).then(response => response.text()))
  const ended = await (await post(calls, { 'x-answer': `${pretty}|end` })).text()
  t.notMatch(ended, '50202')
})

t.test('an upstream with the transport HTTP+SSE is recognized, and the error says what to do', async t => {
  const initialize = JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'initialize',
    params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'x', version: '1' } },
  })
  const posted: Record<string, [number, Record<string, string>]> = {
    starlette: [405, { 'content-type': 'text/plain; charset=utf-8', allow: 'GET' }],
    fastapi: [405, { 'content-type': 'application/json', allow: 'GET' }],
    express: [404, { 'content-type': 'text/html; charset=utf-8' }],
    bare: [405, {}],
  }
  const { gateway, get, post } = await setUp(t, (arrival, response) => {
    if (arrival.method === 'POST') {
      const [status, headers] = posted[String(arrival.headers['x-answer'])]!
      response.writeHead(status, headers).end('{"detail":"Not Found"}')
      return
    }
    sse(response)
    response.write(': hello\n\nevent: endpoint\ndata: /messages/?session_id=1\n\n')
    response.write(event({ jsonrpc: '2.0', method: 'notifications/message' }))
  })
  for (const name of Object.keys(posted)) {
    const { error } = (await (await post(initialize, { 'x-answer': name })).json()) as {
      error: { message: string; data: { reason: string } }
    }
    t.equal(error.data.reason, 'upstream_invalid', name)
    t.match(error.message, 'HTTP+SSE', name)
  }
  const old = await (await get()).text()
  t.match(messagesIn(old), [{ id: null, error: { code: 50202 } }])
  t.notMatch(old, 'event: endpoint')
  t.match(
    await readUntil(await get({ 'mcp-protocol-version': '2025-03-26' }), 'notifications/message'),
    'event: endpoint',
    'a client of Streamable HTTP gets the event',
  )
  await until(
    () => gateway.lines.filter(({ detail }) => detail === 'upstream_transport').length === 5,
    'each is logged',
  )
})
