import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { RequestListener } from 'node:http'
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'

import { McpServer } from '@modelcontextprotocol/server'
import t from 'tap'
import type { Test } from 'tap'

import { createEventStore } from '../examples/mock-server/events.ts'
import { startMockServer } from '../examples/mock-server/server.ts'
import { createSessions } from '../examples/mock-server/sessions.ts'
import { startMock } from './fixtures/mock.ts'
import { until } from './fixtures/until.ts'

const meta = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
}
const envelope = { jsonrpc: '2.0', id: 1 }
const initialize = {
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'raw', version: '1' } },
}

type Headers = Record<string, string>

interface Reply {
  status: number
  headers: globalThis.Headers
  /** The JSON body, or the messages of the SSE stream. */
  messages: any
}

async function serve(t: Test, listener: RequestListener): Promise<string> {
  const http = createServer(listener).listen(0, '127.0.0.1')
  await once(http, 'listening')
  t.teardown(() => {
    http.closeAllConnections()
    http.close()
  })
  return `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`
}

function send(url: string, body: string, headers: Headers = {}): Promise<Response> {
  const accept = 'application/json, text/event-stream'
  const all = { accept, 'content-type': 'application/json', ...headers }
  return fetch(url, { method: 'POST', headers: all, body })
}

async function post(url: string, message: object, headers: Headers = {}): Promise<Reply> {
  const body = Array.isArray(message)
    ? message.map(request => ({ ...envelope, ...request }))
    : { ...envelope, ...message }
  return replyOf(await send(url, JSON.stringify(body), headers))
}

async function replyOf(response: Response): Promise<Reply> {
  const { status, headers } = response
  const text = await response.text()
  const isStream = headers.get('content-type')?.startsWith('text/event-stream') === true
  const lines = [...text.matchAll(/^data: (.+)$/gm)].map(([, data = '']) => JSON.parse(data))
  return { status, headers, messages: isStream ? lines : JSON.parse(text || 'null') }
}

function modern(url: string, method: string, params: object = {}, headers: Headers = {}): Promise<Reply> {
  const standard = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': method, ...headers }
  return post(url, { method, params: { _meta: meta, ...params } }, standard)
}

/** Opens a legacy session and returns the headers of its requests. */
async function open(url: string): Promise<Headers> {
  const { headers } = await post(url, initialize)
  return { 'mcp-session-id': headers.get('mcp-session-id') ?? '', 'mcp-protocol-version': '2025-11-25' }
}

/** `fetch` does not let a caller choose the Host header. */
async function statusWith(url: string, headers: Headers): Promise<number | undefined> {
  const [response] = await once(request(url, { headers }).end(), 'response')
  response.resume()
  return response.statusCode
}

t.test('only loopback names may be in Host and Origin', async t => {
  const { url } = await startMock(t)
  const health = new URL('/health', url).href
  t.equal(await statusWith(health, { host: 'evil.example' }), 403)
  t.equal(await statusWith(health, { host: 'localhost:1234' }), 200)
  t.equal(await statusWith(health, { origin: 'https://evil.example' }), 403)
  t.equal(await statusWith(health, { origin: 'http://localhost:6274' }), 200)
  t.equal(await statusWith(new URL('/nowhere', url).href, {}), 404)

  const named = await startMockServer({ port: 0, allowedHosts: ['mock'] })
  t.teardown(() => named.close())
  t.equal(await statusWith(new URL('/health', named.url).href, { host: 'mock:7878' }), 200)
})

t.test('bodies that are no JSON, too large or of another type are refused', async t => {
  const { url } = await startMock(t)
  t.match(await replyOf(await send(url, '{')), { status: 400, messages: { error: { code: -32700 } } })
  t.equal((await send(url, `"${'x'.repeat(5_000_000)}"`)).status, 413)
  t.equal((await send(url, '{}', { ...(await open(url)), 'content-type': 'text/plain' })).status, 415)
  t.equal((await fetch(url, { method: 'PUT', body: '{}' })).status, 405)
})

t.test('modern: requests that break the protocol get its status and code', async t => {
  const { url } = await startMock(t)
  t.match(await modern(url, 'server/discover'), {
    status: 200,
    messages: { result: { resultType: 'complete' } },
  })
  t.match(await modern(url, 'no/such'), { status: 404, messages: { error: { code: -32601 } } })
  t.match(await modern(url, 'ping'), { status: 404, messages: { error: { code: -32601 } } })
  const call = { name: 'get_users', arguments: {} }
  const wrong = await modern(url, 'tools/call', call, { 'mcp-name': 'delete_user' })
  t.match(wrong, { status: 400, messages: { error: { code: -32020 } } })
  const unknown = await modern(url, 'tools/call', { name: 'nope' }, { 'mcp-name': 'nope' })
  t.match(unknown, { status: 200, messages: { error: { code: -32602 } } })
  const future = { ...meta, 'io.modelcontextprotocol/protocolVersion': '2099-01-01' }
  const tooNew = await modern(url, 'tools/list', { _meta: future }, { 'mcp-protocol-version': '2099-01-01' })
  t.match(tooNew, { status: 400, messages: { error: { code: -32022, data: { supported: ['2026-07-28'] } } } })
  const listed = await modern(url, 'tools/list')
  t.match(listed.messages.result, { cacheScope: 'public', ttlMs: 0 })
  t.notOk(listed.headers.has('mcp-session-id'))
})

for (const protocolVersion of ['2025-03-26', '2025-06-18', '2025-11-25']) {
  t.test(`legacy: ${protocolVersion} is spoken as asked`, async t => {
    const { url } = await startMock(t)
    const asked = { ...initialize, params: { ...initialize.params, protocolVersion } }
    const { messages } = await post(url, asked)
    t.equal(messages[0].result.protocolVersion, protocolVersion)
  })
}

t.test('legacy: sessions begin with initialize and end with DELETE', async t => {
  const { url, health } = await startMock(t)
  const ping = { method: 'ping' }
  t.equal((await post(url, ping)).status, 400, 'no session')
  t.equal((await fetch(url, { headers: { accept: 'text/event-stream' } })).status, 400, 'no session')
  const session = await open(url)
  t.equal((await post(url, ping, session)).status, 200)
  t.equal((await post(url, ping, { ...session, 'mcp-session-id': 'unknown' })).status, 404)
  t.equal((await post(url, ping, { ...session, 'mcp-protocol-version': '1999-01-01' })).status, 400)
  t.equal((await health()).sessions, 1)
  t.equal((await fetch(url, { method: 'DELETE', headers: session })).status, 200)
  t.equal((await post(url, ping, session)).status, 404)
  t.equal((await health()).sessions, 0)
})

t.test('legacy: the end of a session stops its calls', async t => {
  const { url, health } = await startMock(t)
  const session = await open(url)
  const params = { name: 'slow_response', arguments: { seconds: 60 } }
  const called = post(url, { method: 'tools/call', params }, session)
  await until(async () => (await health()).slowCalls.active === 1, 'the call is working')
  await fetch(url, { method: 'DELETE', headers: session })
  t.strictSame((await called).messages, [], 'the stream ends without an answer')
  t.match(await health(), { slowCalls: { active: 0, aborted: 1 } })
})

t.test('legacy: a batch is answered', async t => {
  const { url } = await startMock(t)
  const session = { ...(await open(url)), 'mcp-protocol-version': '2025-03-26' }
  const { messages } = await post(url, [{ method: 'ping' }, { id: 2, method: 'tools/list' }], session)
  t.strictSame(messages.map(({ id }: any) => id).toSorted(), [1, 2])
})

t.test('legacy: streams begin with an event to resume after, unknown events are refused', async t => {
  const { url } = await startMock(t)
  const session = await open(url)
  const body = JSON.stringify({ jsonrpc: '2.0', id: 5, method: 'ping' })
  const [first = ''] = (await (await send(url, body, session)).text()).split('\n\n')
  const [, lastEventId = ''] = /^id: (\S+)\nretry: \d+\ndata: $/.exec(first) ?? []
  const resume = (id: string): Promise<Response> =>
    fetch(url, { headers: { ...session, accept: 'text/event-stream', 'last-event-id': id } })
  t.match((await replyOf(await resume(lastEventId))).messages, [{ id: 5, result: {} }])
  t.equal((await resume('no-such-event')).status, 400)
})

t.test('the event store forgets the oldest events', async t => {
  const store = createEventStore(2)
  const message = { jsonrpc: '2.0', method: 'ping' } as const
  const [first, second] = [await store.storeEvent('a', message), await store.storeEvent('a', message)]
  const third = await store.storeEvent('b', message)
  t.equal(await store.getStreamIdForEventId?.(first), undefined)
  t.equal(await store.getStreamIdForEventId?.(third), 'b')
  const sent: string[] = []
  const send = async (id: string): Promise<void> => void sent.push(id)
  t.equal(await store.replayEventsAfter(second, { send }), 'a')
  t.strictSame(sent, [], 'events of another stream are not replayed')
  await t.rejects(store.replayEventsAfter(first, { send }))
})

t.test('the session that was used longest ago makes room', async t => {
  const sessions = createSessions(() => new McpServer({ name: 'small', version: '1' }), 2)
  t.teardown(() => sessions.close())
  const url = await serve(t, async (req, res) => {
    let text = ''
    for await (const chunk of req) text += String(chunk)
    await sessions.handle(req, res, JSON.parse(text))
  })
  const [first, second] = [await open(url), await open(url)]
  await post(url, { method: 'ping' }, first)
  await open(url)
  t.equal(sessions.count(), 2)
  t.equal((await post(url, { method: 'ping' }, first)).status, 200)
  t.equal((await post(url, { method: 'ping' }, second)).status, 404)
})

t.test('closing does not wait for a client that has sent half a request', async t => {
  const server = await startMockServer({ port: 0 })
  const { port } = new URL(server.url)
  const socket = connect(Number(port), '127.0.0.1').on('error', () => {})
  socket.write(
    'POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{',
  )
  await until(
    async () => (await fetch(new URL('/health', server.url))).ok && socket.bytesWritten > 90,
    'half a request is there',
  )
  await server.close()
  await t.rejects(fetch(server.url), 'the port is free')
  socket.destroy()
})

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  t.test(`the program ends cleanly on ${signal}, open streams or not`, async t => {
    const program = fileURLToPath(new URL('../examples/mock-server/server.ts', import.meta.url))
    const child = spawn(process.execPath, [program, '--port', '0'], { stdio: ['ignore', 'pipe', 'inherit'] })
    t.teardown(() => child.kill('SIGKILL'))
    const [line] = await once(child.stdout, 'data')
    const url = /http:\S+/.exec(String(line))?.[0] ?? ''
    const stream = await fetch(url, { headers: { ...(await open(url)), accept: 'text/event-stream' } })
    t.equal(stream.status, 200)
    child.kill(signal)
    t.strictSame(await once(child, 'exit'), [0, null])
    t.equal(await stream.text().catch(() => ''), '')
  })
}
