import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { hashSecret } from '../gateway/auth/api-key/key.ts'
import { anonymous } from '../gateway/auth/principal.ts'
import { createUsageCounts } from '../gateway/http/exchange/usage.ts'
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

const key = 'canary-of-the-connections-0123456789abcdef'

interface Running {
  readonly gateway: TestGateway
  readonly upstream: TestUpstream
  readonly port: number
}

async function setUp(t: Test, answer: Answer, listen = ''): Promise<Running> {
  const upstream = await startTestUpstream(answer)
  t.teardown(upstream.close)
  const gateway = await startTestGateway(`listen:
  timeout: {request: 300ms}
${listen}
auth: {keys: {type: api-key}}
roles: {all: {access: {"*": {tools: {allow: ["*"]}}}}}
keys: {agent: {roles: [all], secrets: [{hash: "${hashSecret(key)}"}]}}
proxies: {main: {auth: [keys], maxBody: 64KiB, upstream: {url: "${upstream.url}"}}}
`)
  t.teardown(gateway.close)
  return { gateway, upstream, port: Number(new URL(gateway.url).port) }
}

const served: Answer = (arrival, response) =>
  json(response, { jsonrpc: '2.0', id: messageOf(arrival).id, result: { served: true } })

const headers = `Host: localhost\r\nAuthorization: Bearer ${key}\r\nContent-Type: application/json\r\n`

function call(id: number, more = '', version = '1.1'): string {
  const body = `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"get_a"}}`
  return `POST /main/mcp HTTP/${version}\r\n${headers}${more}Content-Length: ${body.length}\r\n\r\n${body}`
}

/** A connection that never ends its side by itself, with what it read. */
interface Client {
  readonly socket: Socket
  text(): string
  ended(): boolean
}

function follow(t: Test, socket: Socket): Client {
  let text = ''
  let ended = false
  socket
    .setEncoding('utf8')
    .on('data', (more: string) => (text += more))
    .on('end', () => (ended = true))
    .on('error', () => {})
  t.teardown(() => socket.destroy())
  return { socket, text: () => text, ended: () => ended }
}

const open = (t: Test, port: number): Client =>
  follow(t, connect({ port, host: '127.0.0.1', allowHalfOpen: true }))

/** Number of connections that the gateway has with its clients. */
async function held(gateway: TestGateway): Promise<number> {
  return Number(/^gatehouse_connections (\d+)$/m.exec(await gateway.metrics())?.[1])
}

for (const [name, bytes, expected] of [
  ['sends nothing', '', /^HTTP\/1\.1 408 /],
  ['sends half a head', 'POST /main/mcp HTTP/1.1\r\nHost: lo', /^HTTP\/1\.1 408 /],
  ['sends half a body', call(1).slice(0, -5), /^HTTP\/1\.1 408 /],
  ['sends what is no HTTP', 'nonsense\r\n\r\n', /^HTTP\/1\.1 400 /],
  ['sends too long a head', `GET / HTTP/1.1\r\nX: ${'x'.repeat(40_000)}\r\n`, /^HTTP\/1\.1 431 /],
  [
    'announces too long a body',
    call(1).replace(/Content-Length: \d+/, 'Content-Length: 99999999'),
    /^HTTP\/1\.1 413 /,
  ],
  ['asks for the connection to be closed', call(1, 'Connection: close\r\n'), /^HTTP\/1\.1 200 /],
  ['speaks HTTP/1.0', call(1, '', '1.0'), /^HTTP\/1\.1 200 /],
  ['tries CONNECT', 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n', /^HTTP\/1\.1 405 /],
  ['sends what cannot be read after a call', `${call(1)}nonsense\r\n\r\n`, /^HTTP\/1\.1 200 /],
] as const) {
  t.test(`a client that ${name} and ignores the end does not keep its connection`, async t => {
    const { gateway, port } = await setUp(t, served)
    const { socket, text, ended } = open(t, port)
    socket.write(bytes)
    await until(ended, 'the gateway ends the connection')
    t.match(text(), expected)
    await until(async () => (await held(gateway)) === 0, 'the gateway lets go of the connection')
  })
}

t.test('a client that goes on sending after its connection ended does not keep it', async t => {
  const { gateway, port } = await setUp(t, served)
  const { socket } = open(t, port)
  socket.write('nonsense\r\n\r\n')
  const flood = setInterval(() => socket.write(call(2)), 5)
  t.teardown(() => clearInterval(flood))
  await until(() => socket.closed, 'the connection is cut')
  await until(async () => (await held(gateway)) === 0, 'the gateway lets go of the connection')
})

for (const [name, version, bytes] of [
  ['a call', '1.1', call(1)],
  ['a call in HTTP/1.0', '1.0', call(1, '', '1.0')],
  ['several calls', '1.1', [1, 2, 3, 4, 5, 6].map(id => call(id)).join('')],
] as const) {
  t.test(`a client that half-closes after ${name} gets every answer`, async t => {
    let release = (): void => {}
    const released = new Promise<void>(resolve => (release = resolve))
    const { gateway, upstream, port } = await setUp(t, (arrival, response) => {
      void released.then(() => served(arrival, response))
    })
    const { socket, text, ended } = open(t, port)
    socket.end(bytes)
    const count = bytes.split('POST').length - 1
    await until(() => upstream.arrivals.length >= Math.min(count, 4), 'the calls are made')
    // By then the client was asked several times whether it is still there.
    if (version === '1.1' && count === 1)
      await until(() => text().split('HTTP/1.1 102').length > 3, 'it is probed')
    t.notOk(ended())
    release()
    await until(ended, 'the connection ends')
    t.equal(text().split('"served":true').length - 1, count)
    await until(async () => (await held(gateway)) === 0, 'the gateway lets go of the connection')
  })
}

t.test('a client that half-closes gets the whole stream that answers its call', async t => {
  let finish = (): void => {}
  const { port } = await setUp(t, (arrival, response) => {
    sse(response)
    response.write(event({ jsonrpc: '2.0', method: 'notifications/message', params: {} }))
    finish = () =>
      response.end(event({ jsonrpc: '2.0', id: messageOf(arrival).id, result: { served: true } }))
  })
  const { socket, text, ended } = open(t, port)
  socket.end(call(1))
  await until(() => text().split(': keep-alive').length > 3, 'it is probed')
  t.notOk(ended())
  finish()
  await until(ended, 'the connection ends')
  t.match(text(), /"served":true\}\}\n\n\r\n0\r\n\r\n$/)
})

t.test('a stream of news ends with the side of its client', async t => {
  const { gateway, upstream, port } = await setUp(t, (_arrival, response) => sse(response))
  const { socket, text } = open(t, port)
  socket.write(`GET /main/mcp HTTP/1.1\r\n${headers}Accept: text/event-stream\r\n\r\n`)
  await until(() => text().includes('text/event-stream'), 'the stream begins')
  socket.end()
  await until(() => upstream.arrivals[0]?.aborted, 'the upstream sees it')
  await until(async () => (await held(gateway)) === 0, 'the gateway lets go of the connection')
})

t.test(
  'calls of a pipeline whose client leaves are taken along, those too whose turn to be answered had not come',
  async t => {
    const { gateway, upstream, port } = await setUp(t, () => {})
    const { socket } = open(t, port)
    socket.write([1, 2, 3, 4, 5, 6].map(id => call(id)).join(''))
    await until(() => upstream.arrivals.length === 4, 'four are made')
    socket.resetAndDestroy()
    await until(() => upstream.arrivals.every(({ aborted }) => aborted), 'the upstream sees the client leave')
    t.equal(upstream.arrivals.length, 4)
    await until(() => gateway.lines.filter(({ status }) => status === 499).length === 4, 'each is logged')
  },
)

t.test(
  'three thousand pipelined calls open a few connections to the upstream, and are answered in order',
  async t => {
    let running = 0
    let most = 0
    const { port, upstream } = await setUp(t, (arrival, response) => {
      most = Math.max(most, ++running)
      setImmediate(() => {
        running--
        served(arrival, response)
      })
    })
    const { socket, text } = open(t, port)
    const count = 3000
    socket.write(Array.from({ length: count }, (_, id) => call(id)).join(''))
    await until(() => text().split('"served":true').length > count, 'all are answered', 60_000)
    const ids = [...text().matchAll(/"id":(\d+),"result"/g)].map(([, id]) => Number(id))
    t.same(
      ids,
      Array.from({ length: count }, (_, id) => id),
    )
    t.equal(upstream.arrivals.length, count)
    t.ok(most <= 4, `${most} at a time`)
  },
)

t.test('a pipeline that waits is not read on', async t => {
  const { port, upstream } = await setUp(t, () => {})
  const { socket } = open(t, port)
  const padding = `X-Padding: ${'x'.repeat(8000)}\r\n`
  // Far more than the buffers of both sides.
  for (let id = 0; id < 4000; id++) socket.write(call(id, padding))
  await until(() => upstream.arrivals.length === 4, 'four are made')
  await until(async () => {
    const before = socket.writableLength
    await new Promise(resolve => setTimeout(resolve, 300))
    return socket.writableLength === before && before > 0
  }, 'the gateway reads no more')
  t.equal(upstream.arrivals.length, 4)
})

t.test('when there are too many connections, the one that was idle for longest makes room', async t => {
  const { gateway, port } = await setUp(t, served, '  maxConnections: 8')
  const clients: Client[] = []
  for (let index = 0; index < 8; index++) {
    const client = open(t, port)
    clients.push(client)
    client.socket.write(call(index))
    await until(() => client.text().includes('"served":true'), 'it is answered')
  }
  // Used again, so that the second is now the one that was idle for longest.
  clients[0]!.socket.write(call(100))
  await until(() => clients[0]!.text().includes('"id":100'), 'it is answered again')
  const late = open(t, port)
  late.socket.write(call(200))
  await until(() => late.text().includes('"served":true'), 'the new one is served')
  t.ok(clients[1]!.ended())
  t.same(clients.filter(({ ended }) => ended()).length, 1)
  t.match(await gateway.metrics(), 'gatehouse_connections_dropped_total{reason="made_room"} 1')
  await until(() => gateway.lines.find(({ event }) => event === 'connections_full'), 'it is logged')
})

t.test('when all of too many connections are busy, a new one is refused', async t => {
  const { gateway, upstream, port } = await setUp(t, () => {}, '  maxConnections: 8')
  for (let index = 0; index < 8; index++) open(t, port).socket.write(call(index))
  await until(() => upstream.arrivals.length === 8, 'all are busy')
  const late = open(t, port)
  late.socket.write(call(9))
  await until(() => late.ended() || late.socket.closed, 'it is refused')
  t.equal(late.text(), '')
  t.equal(upstream.arrivals.length, 8)
  t.match(await gateway.metrics(), 'gatehouse_connections_dropped_total{reason="refused"} 1')
  t.equal(await held(gateway), 8)
})

t.test(
  'a gateway full of idle connections hears of a revocation, and serves',
  { skip: process.platform !== 'linux' },
  async t => {
    const upstream = await startTestUpstream(served)
    const folder = mkdtempSync(join(tmpdir(), 'gatehouse-connections-'))
    const path = join(folder, 'gateway.yaml')
    const config = (disabled: boolean): string => `version: 1
listen: {address: "127.0.0.1:0"}
admin: {address: "127.0.0.1:0"}
workers: 2
auth: {keys: {type: api-key}}
roles: {all: {access: {"*": {tools: {allow: ["*"]}}}}}
keys: {agent: {roles: [all], disabled: ${disabled}, secrets: [{hash: "${hashSecret(key)}"}]}}
proxies: {main: {auth: [keys], upstream: {url: "${upstream.url}"}}}
`
    writeFileSync(path, config(false))
    const command = `ulimit -n 200; exec "${process.execPath}" gateway/main.ts run -c "${path}"`
    const child = spawn('/bin/sh', ['-c', command], { stdio: ['ignore', 'ignore', 'pipe'] })
    let log = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text))
    t.teardown(async () => {
      child.kill('SIGKILL')
      rmSync(folder, { recursive: true })
      await upstream.close()
    })
    const line = await until(() => /^\{.*"event":"listening".*\}$/m.exec(log)?.[0], 'it listens', 30_000)
    const { url, adminUrl } = JSON.parse(line) as { url: string; adminUrl: string }
    const port = Number(new URL(url).port)
    const ask = async (): Promise<number> => {
      const client = open(t, port)
      client.socket.write(call(1, 'Connection: close\r\n'))
      await until(client.ended, 'it is answered or refused')
      client.socket.destroy()
      return Number(/^HTTP\/1\.1 (\d+)/.exec(client.text())?.[1])
    }
    for (let index = 0; index < 170; index++)
      open(t, port).socket.write(index % 2 ? '' : 'GET / HTTP/1.1\r\n')
    await until(() => log.includes('connections_full'), 'it is full')
    t.equal(await ask(), 200)
    writeFileSync(path, config(true))
    await until(() => log.includes('config_applied'), 'the revocation is applied')
    t.equal(await ask(), 401)
    t.equal((await fetch(`${adminUrl}/readyz`)).status, 200)
    t.notMatch(log, 'EMFILE')
  },
)

const inFlight = async (gateway: TestGateway): Promise<number> =>
  Number(/^gatehouse_requests_in_flight (\d+)$/m.exec(await gateway.metrics())?.[1])

t.test('the calls in flight of a principal are bounded, and nothing is left of those that ended', async t => {
  const { gateway, upstream, port } = await setUp(t, () => {})
  const busy = async (): Promise<Client[]> => {
    const before = upstream.arrivals.length
    const clients = Array.from({ length: 250 }, () => open(t, port))
    for (const { socket } of clients) socket.write(call(1) + call(2) + call(3) + call(4))
    await until(() => upstream.arrivals.length === before + 1000, 'a thousand are made', 60_000)
    return clients
  }
  for (let round = 0; round < 2; round++) {
    const clients = await busy()
    const late = open(t, port)
    late.socket.write(call(5))
    await until(() => late.text().includes('\r\n\r\n{'), 'one more is refused')
    t.match(late.text(), /^HTTP\/1\.1 200 [^]*retry-after: 1\r\n[^]*"id":5,[^]*"reason":"overloaded"/i)
    for (const { socket } of [...clients, late]) socket.destroy()
    await until(async () => (await inFlight(gateway)) === 0, 'the counts are zero again', 60_000)
  }
})

t.test('nothing is counted of requests that were refused, failed, left or were answered', async t => {
  const { gateway, port } = await setUp(t, (arrival, response) => {
    const { id } = messageOf(arrival)
    if (id === 1) served(arrival, response)
    else if (id === 2) response.destroy()
    else if (id === 3) response.writeHead(302, { location: '/' }).end()
    else if (id === 4) {
      sse(response)
      response.end()
    }
  })
  const bodies = [1, 2, 3, 4, 5].map(id => call(id))
  bodies.push(call(1).replace('"2.0"', '"1.0"'), call(1).replace('"method"', '"Method"'))
  bodies.push(call(1).slice(0, -5), call(1).replace(/Content-Length: \d+/, 'Content-Length: 99999999'))
  const clients = bodies.map(bytes => {
    const client = open(t, port)
    client.socket.write(bytes)
    return client
  })
  await until(() => clients.filter(({ text }) => text() !== '').length >= 8, 'all but one are answered')
  for (const { socket } of clients) socket.destroy()
  await until(async () => (await inFlight(gateway)) === 0, 'the counts are zero again')
})

t.test('the bytes of bodies that are held for a principal are bounded', t => {
  const usage = createUsageCounts()
  const principal = { ...anonymous, kind: 'key', name: 'agent' } as const
  const [first, second] = [usage.enter('main', principal), usage.enter('main', principal)]
  t.ok(first.addBody(100 * 1024 * 1024), 'one alone may be as large as the proxy lets it')
  t.notOk(second.addBody(1))
  t.notOk(usage.enter('main', principal).addBody(1))
  t.ok(usage.enter('other', principal).addBody(1), 'on another proxy there is room')
  t.ok(usage.enter('main', { ...principal, name: 'rival' }).addBody(1), 'and for another principal')
  first.releaseBody()
  t.ok(second.addBody(64 * 1024 * 1024))
  t.notOk(first.addBody(1))
  t.ok(first.addList(64 * 1024 * 1024))
  t.notOk(second.addList(1))
  second.release()
  second.release()
  t.ok(first.addBody(1))
  t.end()
})

t.test('streams of news are not counted as calls', t => {
  const usage = createUsageCounts()
  const principal = { ...anonymous, kind: 'key', name: 'agent' } as const
  const streams = Array.from({ length: 2000 }, () => {
    const share = usage.enter('main', principal)
    share.becomeStream()
    return share
  })
  t.equal(usage.requests(), 2000)
  const calls = Array.from({ length: 1000 }, () => usage.enter('main', principal))
  t.throws(() => usage.enter('main', principal), { message: 'too many calls are in flight' })
  for (const share of [...streams, ...calls]) share.release()
  t.equal(usage.requests(), 0)
  t.end()
})

t.test('another process that shares the port is noticed', { skip: process.platform !== 'linux' }, async t => {
  const gateway = await startTestGateway(
    'workers: 2\nproxies: {a: {auth: none, upstream: {url: "http://127.0.0.1:9/mcp"}}}\n',
  )
  t.teardown(gateway.close)
  const ready = async (): Promise<number> => (await fetch(`${gateway.adminUrl}/readyz`)).status
  t.equal(await ready(), 200)
  const port = Number(new URL(gateway.url).port)
  const script = `require('node:net').createServer().listen({ port: ${port}, host: '127.0.0.1', reusePort: true })`
  const other = spawn(process.execPath, ['-e', script], { stdio: 'ignore' })
  t.teardown(() => other.kill('SIGKILL'))
  await until(async () => (await ready()) === 503, 'the gateway is not ready', 30_000)
  t.ok(gateway.lines.some(({ event: name }) => name === 'port_shared'))
  t.match(await gateway.metrics(), 'gatehouse_port_shared 1')
  other.kill('SIGKILL')
  await until(async () => (await ready()) === 200, 'it is ready again', 30_000)
})
