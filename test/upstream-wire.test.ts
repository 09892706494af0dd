import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer, Socket, type AddressInfo } from 'node:net'
import { queryObjects } from 'node:v8'
import t, { type Test } from 'tap'
import type { Dispatcher } from 'undici'
import { createPool, type UpstreamCall, type UpstreamDispatcher } from '../gateway/http/client/pool.ts'
import { until } from './fixtures/until.ts'

const ok = (body = '{}', more = ''): string =>
  `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n${more}Content-Length: ${body.length}\r\n\r\n${body}`

/** A connection as the upstream sees it: requests are told by the end of their body. */
interface Peer {
  readonly socket: Socket
  readonly number: number
  received: string
}

interface Scene {
  readonly pool: UpstreamDispatcher
  readonly origin: string
  readonly peers: Peer[]
}

/** A pool before a server of bytes, which is asked what to do whenever something arrives. */
async function setUp(
  t: Test,
  onData: (peer: Peer) => void,
  { keepAlive = 60_000, connectTimeout = 2000 } = {},
): Promise<Scene> {
  const peers: Peer[] = []
  const server = createServer(socket => {
    const peer = { socket, number: peers.length, received: '' }
    peers.push(peer)
    socket.on('error', () => {})
    socket.on('data', (bytes: Buffer) => {
      peer.received += bytes.toString('latin1')
      onData(peer)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const pool = createPool(origin, { keepAlive, connectTimeout })
  t.teardown(async () => {
    for (const { socket } of peers) socket.destroy()
    server.close()
    await pool.close()
  })
  return { pool, origin, peers }
}

/** Answers every request that is whole, in the way it asks for in its path. */
const answering =
  (answers: Record<string, string>): ((peer: Peer) => void) =>
  peer => {
    const path = /^\S+ (\S+) .*\r\n\r\n\{\}$/s.exec(peer.received)?.[1]
    if (path === undefined) return
    peer.received = ''
    peer.socket.write(answers[path] ?? ok(`"${path}"`), 'latin1')
  }

const post: UpstreamCall = {
  path: '/mcp',
  method: 'POST',
  headers: ['Content-Type', 'application/json'],
  body: Buffer.from('{}'),
  headersTimeout: 0,
  bodyTimeout: 0,
}

interface Told {
  status: number
  headers: object
  body: string
  bytes: number
  /** In the order in which the handler was told. */
  events: string[]
  error: (Error & { code?: string }) | undefined
  controller: Dispatcher.DispatchController
}

interface Hooks {
  onRequestStart?(told: Told): void
  onResponseStart?(told: Told): void
  onResponseData?(told: Told): void
  onResponseEnd?(told: Told): void
}

/** Sends a call; what its handler was told is at hand at once, and `done` when it has ended. */
function begin(
  pool: UpstreamDispatcher,
  call: Partial<UpstreamCall> = {},
  hooks: Hooks = {},
): { told: Told; done: Promise<Told> } {
  const told = { status: 0, headers: {}, body: '', bytes: 0, events: [], error: undefined } as unknown as Told
  const done = new Promise<Told>(resolve => {
    pool.dispatch(
      { ...post, ...call },
      {
        onRequestStart(controller) {
          told.controller = controller
          hooks.onRequestStart?.(told)
        },
        onResponseStart(_controller, status, headers) {
          told.events.push('start')
          told.status = status
          told.headers = headers
          hooks.onResponseStart?.(told)
        },
        onResponseData(_controller, chunk) {
          if (told.events.at(-1) !== 'data') told.events.push('data')
          told.bytes += chunk.length
          if (told.bytes < 1000) told.body += chunk.toString('latin1')
          hooks.onResponseData?.(told)
        },
        onResponseEnd() {
          told.events.push('end')
          resolve(told)
          hooks.onResponseEnd?.(told)
        },
        onResponseError(_controller, error) {
          told.events.push('error')
          told.error = error
          resolve(told)
        },
      },
    )
  })
  return { told, done }
}

const send = async (pool: UpstreamDispatcher, call?: Partial<UpstreamCall>, hooks?: Hooks): Promise<Told> =>
  begin(pool, call, hooks).done

t.test('a request is written as it is, in one piece, and framed by its length', async t => {
  const pieces: string[] = []
  const { pool, origin } = await setUp(t, peer => {
    pieces.push(peer.received)
    peer.received = ''
    peer.socket.write(ok())
  })
  const host = origin.slice('http://'.length)
  const head = (method: string): string =>
    `${method} /mcp?a=b HTTP/1.1\r\nhost: ${host}\r\nconnection: keep-alive\r\n`
  const sent: [Partial<UpstreamCall>, string][] = [
    [
      { body: Buffer.from('{"\xe9":1}') },
      `${head('POST')}X-A: \xe9\r\nx-a:  b\r\ncontent-length: 8\r\n\r\n{"\xc3\xa9":1}`,
    ],
    [{ body: Buffer.alloc(0) }, `${head('POST')}X-A: \xe9\r\nx-a:  b\r\ncontent-length: 0\r\n\r\n`],
    [{ body: null }, `${head('POST')}X-A: \xe9\r\nx-a:  b\r\ncontent-length: 0\r\n\r\n`],
    [{ method: 'GET', body: null }, `${head('GET')}X-A: \xe9\r\nx-a:  b\r\n\r\n`],
    [{ method: 'DELETE', body: null }, `${head('DELETE')}X-A: \xe9\r\nx-a:  b\r\n\r\n`],
  ]
  for (const [call, expected] of sent) {
    const { status } = await send(pool, { path: '/mcp?a=b', headers: ['X-A', '\xe9', 'x-a', ' b'], ...call })
    t.equal(status, 200)
    t.equal(pieces.pop(), expected)
    t.equal(pieces.length, 0)
  }
})

t.test('a request that cannot be sent is an error, and nothing is sent', async t => {
  const { pool, peers } = await setUp(t, answering({}))
  const unfit: Partial<UpstreamCall>[] = [
    { path: '/a b' },
    { path: '/a\r\nX: y' },
    { path: 'mcp' },
    ...['a\r\nX-B: c', 'a\nb', 'a\0', '\x7f', '\u{20ac}'].map(value => ({ headers: ['X-A', value] })),
    ...['', 'X A', 'X:', 'X\r\nY', '\xe9'].map(name => ({ headers: [name, 'a'] })),
    ...['Host', 'Content-Length', 'transfer-encoding', 'Connection', 'Upgrade', 'Expect', 'TE'].map(name => ({
      headers: [name, 'a'],
    })),
  ]
  for (const call of unfit) {
    const { error, events } = await send(pool, call)
    t.equal(error?.code, 'request_unfit', JSON.stringify(call))
    t.same(events, ['error'])
  }
  t.equal(peers.length, 0)
})

t.test('thousands of calls in a row go over one connection and leave nothing behind', async t => {
  const warnings: Error[] = []
  const warn = (warning: Error): void => void warnings.push(warning)
  process.on('warning', warn)
  t.teardown(() => process.off('warning', warn))
  const { pool, peers } = await setUp(
    t,
    answering({ '/chunks': 'HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n' }),
  )
  await send(pool)
  const before = process.getActiveResourcesInfo().length
  for (let count = 0; count < 3000; count++) {
    const path = count % 2 === 0 ? '/chunks' : `/${count}`
    const { body, events } = await send(pool, { path })
    if (body !== (count % 2 === 0 ? '{}' : `"${path}"`)) t.fail(`call ${count} got ${body}`)
    if (events.join() !== 'start,data,end') t.fail(`call ${count}: ${events.join()}`)
  }
  t.equal(peers.length, 1)
  t.same(warnings, [])
  t.ok(process.getActiveResourcesInfo().length <= before + 2)
})

t.test('a connection that has ended is not kept in memory', async t => {
  const { pool, peers } = await setUp(t, answering({ '/close': ok('1', 'Connection: close\r\n') }))
  await send(pool)
  const before = queryObjects(Socket, { format: 'count' })
  for (let count = 0; count < 50; count++) await send(pool, { path: '/close' })
  peers.length = 0
  await until(() => queryObjects(Socket, { format: 'count' }) < before + 25, 'the sockets are gone')
})

t.test('calls at once go over connections of their own, and the one used last is used first', async t => {
  const waiting: Peer[] = []
  const { pool, peers } = await setUp(t, peer => void waiting.push(peer))
  const calls = [1, 2, 3].map(async () => send(pool))
  await until(() => waiting.length === 3, 'three calls arrive')
  t.same(waiting.map(({ number }) => number).toSorted(), [0, 1, 2])
  for (const number of [2, 0, 1]) {
    peers[number]!.socket.write(ok(`"${number}"`))
    await Promise.race(calls)
    await new Promise(setImmediate)
  }
  await Promise.all(calls)
  await new Promise(setImmediate)
  const next = [1, 2].map(async () => send(pool))
  await until(() => waiting.length === 5, 'two more arrive')
  t.same(
    waiting
      .slice(3)
      .map(({ number }) => number)
      .toSorted(),
    [0, 1],
    'the last two to rest',
  )
  for (const { socket } of waiting.slice(3)) socket.write(ok())
  await Promise.all(next)
  t.equal(peers.length, 3)
})

t.test('a connection is not used again after an answer that may not be the last word', async t => {
  const answers = {
    '/close': ok('1', 'Connection: close\r\n'),
    '/old': 'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\n1',
    '/more': `${ok('1')}${ok('"of somebody else"')}`,
    '/crlf': `${ok('1')}\r\n`,
    '/empty': 'HTTP/1.1 204 No Content\r\nContent-Length: 20\r\n\r\n',
    '/short': ok('1', 'Keep-Alive: timeout=2\r\n'),
  }
  const { pool, peers } = await setUp(t, answering(answers))
  for (const path of Object.keys(answers)) {
    const before = peers.length
    t.equal((await send(pool, { path })).error, undefined, path)
    const peer = peers.at(-1)!
    await until(
      () => peer.socket.closed || peer.socket.readableEnded,
      `the connection is closed after ${path}`,
    )
    t.equal((await send(pool, { path: '/after' })).body, '"/after"')
    t.ok(peers.length > before, path)
  }
})

t.test('a connection that the upstream keeps for a moment only does not rest at all', async t => {
  const { pool, peers } = await setUp(t, answering({ '/short': ok('1', 'Keep-Alive: timeout=1\r\n') }))
  await send(pool, { path: '/short' })
  t.equal((await send(pool)).body, '"/mcp"')
  t.equal(peers.length, 2)
})

t.test('what is said on a resting connection ends it, and is nobody’s answer', async t => {
  const { pool, peers } = await setUp(t, answering({}))
  const ends: [string, (socket: Socket) => void][] = [
    ['an answer', socket => void socket.write(ok('"of somebody else"'))],
    ['one byte', socket => void socket.write('H')],
    ['the end', socket => void socket.end()],
    ['a reset', socket => void socket.resetAndDestroy()],
  ]
  for (const [name, speak] of ends) {
    await send(pool)
    const { socket } = peers.at(-1)!
    speak(socket)
    await until(() => socket.closed || socket.readableEnded, `the connection is closed after ${name}`)
    const { body, error } = await send(pool, { path: `/${name.replace(' ', '')}` })
    t.equal(error, undefined, name)
    t.equal(body, `"/${name.replace(' ', '')}"`)
  }
  t.equal(peers.length, ends.length + 1)
})

t.test('what is there before a call is written is not its answer', async t => {
  const { pool, peers } = await setUp(t, answering({}))
  await send(pool)
  const { socket } = peers[0]!
  await new Promise(resolve => socket.write(ok('"of somebody else"'), resolve))
  // The bytes are in the connection, and this thread has not been told yet.
  t.equal((await send(pool, { path: '/mine' })).body, '"/mine"')
  t.equal(peers.length, 2)
})

t.test('a call is never sent twice', async t => {
  let requests = 0
  const { pool, peers } = await setUp(t, peer => {
    requests++
    if (requests === 1) peer.socket.write(ok())
    else if (requests === 2) peer.socket.end()
    else peer.socket.resetAndDestroy()
  })
  t.equal((await send(pool)).status, 200)
  const closed = await send(pool)
  t.equal(closed.error?.code, 'connection_closed')
  t.equal(peers.length, 1, 'it went over the connection that had rested')
  const reset = await send(pool)
  t.equal(reset.error?.code, 'ECONNRESET')
  t.equal(requests, 3)
})

t.test('answers that are no good end in an error and with their connection', async t => {
  const answers: Record<string, [answer: string, code: string]> = {
    '/garbage': ['SMTP 220 hello\r\n\r\n', 'answer_malformed'],
    '/framed-twice': [
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}',
      'answer_malformed',
    ],
    '/chunk': ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\nx', 'answer_malformed'],
    '/head': ['HTTP/1.1 200 OK\r\nContent-', 'connection_closed'],
    '/body': ['HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}', 'connection_closed'],
    '/last-chunk': ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n', 'connection_closed'],
  }
  const { pool } = await setUp(t, peer => {
    const path = /^POST (\S+)/.exec(peer.received)![1]!
    peer.socket.write(answers[path]![0])
    if (answers[path]![1] === 'connection_closed') peer.socket.end()
  })
  for (const [path, [, code]] of Object.entries(answers)) {
    const { error, events } = await send(pool, { path })
    t.equal(error?.code, code, path)
    t.equal(events.filter(event => event === 'error' || event === 'end').length, 1)
  }
})

t.test('an answer without a length ends with its connection', async t => {
  const { pool } = await setUp(t, peer => peer.socket.end('HTTP/1.1 200 OK\r\n\r\n{"a":1}'))
  const { body, events } = await send(pool)
  t.equal(body, '{"a":1}')
  t.same(events, ['start', 'data', 'end'])
})

t.test('informational answers and trailers are not told', async t => {
  const chunks = 'Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX-Sum: 1\r\n\r\n'
  const { pool, peers } = await setUp(t, peer => {
    // More in two answers than one may have.
    peer.socket.write(`HTTP/1.1 100 Continue\r\n\r\n${'HTTP/1.1 102 Processing\r\n\r\n'.repeat(60)}`)
    setTimeout(() => peer.socket.write(`HTTP/1.1 200 OK\r\nX-A: 1\r\nx-a: 2\r\n${chunks}`), 10)
  })
  for (let count = 0; count < 2; count++) {
    const { status, headers, body, events } = await send(pool)
    t.same([status, { ...headers }, body], [200, { 'x-a': ['1', '2'], 'transfer-encoding': 'chunked' }, '{}'])
    t.same(events, ['start', 'data', 'end'])
  }
  t.equal(peers.length, 1)
})

t.test(
  'an upstream may answer before it has read the request, whose connection is not used again',
  async t => {
    const { pool, peers } = await setUp(t, peer => {
      peer.socket.pause()
      if (peer.received.includes('/large')) peer.socket.write(ok('"early"'))
      else peer.socket.resume().write(ok('"later"'))
      peer.received = ''
    })
    const early = await send(pool, { path: '/large', body: Buffer.alloc(32 * 1024 * 1024, 'x') })
    t.equal(early.body, '"early"')
    t.equal((await send(pool)).body, '"later"')
    t.equal(peers.length, 2)
  },
)

t.test('a handler that pauses holds the upstream back, and gets everything when it goes on', async t => {
  const size = 64 * 1024 * 1024
  const whole = Buffer.alloc(size, 'abc')
  const { pool, peers } = await setUp(t, peer => {
    peer.received = ''
    peer.socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`)
    peer.socket.write(whole)
  })
  const { told, done } = begin(
    pool,
    { bodyTimeout: 300 },
    { onResponseData: ({ controller, bytes }) => bytes < 200_000 && controller.pause() },
  )
  await until(() => told.bytes > 0, 'the first bytes arrive')
  const held: number[] = []
  await until(() => held.push(told.bytes) > 200 && held.at(-200) === told.bytes, 'nothing more arrives')
  t.ok(told.bytes <= 64 * 1024, `${told.bytes} bytes in one read`)
  t.ok(
    peers[0]!.socket.writableLength > size / 2,
    'the rest waits at the upstream, for longer than the body may be silent',
  )
  t.ok(told.controller.paused)
  const pump = setInterval(() => told.controller.resume(), 1)
  t.equal((await done).bytes, size)
  clearInterval(pump)
  t.equal(
    (await send(pool, {}, { onResponseData: ({ controller }) => controller.abort(new Error('enough')) }))
      .error?.message,
    'enough',
  )
  t.equal(peers.length, 1, 'the connection was used again')
})

t.test('a handler that pauses at the last bytes leaves a connection that can be used', async t => {
  const { pool, peers } = await setUp(t, answering({}))
  for (let count = 0; count < 3; count++) {
    const { told, done } = begin(pool, {}, { onResponseData: ({ controller }) => controller.pause() })
    await done
    told.controller.resume()
  }
  t.equal(peers.length, 1)
})

t.test('a call can be given up at any time, and its connection with it', async t => {
  const gone = new Error('the client left')
  const { pool, peers } = await setUp(t, peer => {
    if (peer.received.includes('/silent')) return
    peer.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{')
  })
  const abort = ({ controller }: Told): void => controller.abort(gone)
  const early = await send(pool, {}, { onRequestStart: abort })
  t.same([early.error, early.events, peers.length], [gone, ['error'], 0])

  const queued = begin(pool)
  queued.told.controller.abort(gone)
  t.equal((await queued.done).error, gone)

  const connecting = begin(pool, { path: '/silent' })
  await new Promise(setImmediate)
  connecting.told.controller.abort(gone)
  t.same((await connecting.done).events, ['error'])

  const silent = begin(pool, { path: '/silent' })
  const peer = await until(() => peers.find(({ received }) => received !== ''), 'the call arrives')
  silent.told.controller.abort(gone)
  t.same(
    [(await silent.done).error, silent.told.controller.aborted, silent.told.controller.reason],
    [gone, true, gone],
  )
  await until(() => peer.socket.readableEnded, 'the upstream sees the connection end')

  for (const hook of ['onResponseStart', 'onResponseData'] as const) {
    const { error, events } = await send(pool, {}, { [hook]: abort })
    t.equal(error, gone, hook)
    t.equal(events.at(-1), 'error')
    t.equal(events.includes('data'), hook === 'onResponseData')
  }
  await until(
    () => peers.every(({ socket }) => socket.readableEnded || socket.closed),
    'no connection is left',
  )
})

t.test('a controller of a call that has ended does nothing to the next one', async t => {
  const { pool, peers } = await setUp(t, answering({}))
  const first = await send(pool)
  const second = begin(pool)
  await new Promise(setImmediate)
  first.controller.pause()
  first.controller.resume()
  first.controller.abort(new Error('too late'))
  t.equal((await second.done).status, 200)
  t.same([first.events, peers.length], [['start', 'data', 'end'], 1])
})

t.test('what a handler throws is an error of its call', async t => {
  const { pool } = await setUp(t, answering({}))
  for (const hook of ['onRequestStart', 'onResponseStart', 'onResponseData', 'onResponseEnd'] as const) {
    const thrown = new Error(hook)
    const { done, told } = begin(
      pool,
      {},
      {
        [hook]: () => {
          throw thrown
        },
      },
    )
    await done
    t.equal(told.error, thrown)
    t.equal(told.events.filter(event => event === 'error').length, 1)
  }
  t.equal((await send(pool)).status, 200)
})

t.test('a body that stops coming is an error, but a slow one and a silent stream are not', async t => {
  const { pool } = await setUp(t, peer => {
    const path = /^POST (\S+)/.exec(peer.received)![1]
    peer.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{')
    if (path !== '/slow') return
    let left = 19
    const timer = setInterval(() => {
      peer.socket.write('x')
      if (--left === 0) clearInterval(timer)
    }, 60)
  })
  const begun = performance.now()
  const silent = begin(pool, { path: '/silent', bodyTimeout: 0 })
  const onResponseData = ({ controller }: Told): void => {
    controller.pause()
    setImmediate(() => controller.resume())
  }
  const [stalled, resumed, slow] = await Promise.all([
    send(pool, { path: '/stalled', bodyTimeout: 300 }),
    send(pool, { path: '/stalled', bodyTimeout: 300 }, { onResponseData }),
    send(pool, { path: '/slow', bodyTimeout: 300 }),
  ])
  t.equal(stalled.error?.code, 'answer_stalled')
  t.equal(resumed.error?.code, 'answer_stalled', 'also after a pause')
  t.ok(performance.now() - begun >= 300)
  t.equal(slow.bytes, 20)
  t.same(silent.told.events, ['start', 'data'])
  silent.told.controller.abort(new Error('enough'))
  await silent.done
})

t.test('a resting connection is closed in time, which the upstream may set', async t => {
  const { pool, peers } = await setUp(
    t,
    answering({ '/kept': ok('1', 'Keep-Alive: timeout=60, max=9\r\n') }),
    { keepAlive: 400 },
  )
  await Promise.all([send(pool), send(pool, { path: '/kept' })])
  const [other, kept] = ['/mcp', '/kept'].map(path =>
    peers.find(peer => peer.socket.bytesWritten > 0 && (path === '/kept') === peer.socket.bytesWritten > 90),
  )
  t.ok(other !== undefined && kept !== undefined && other !== kept)
  const begun = performance.now()
  await until(() => other!.socket.readableEnded, 'the one is closed')
  t.ok(performance.now() - begun <= 800)
  t.notOk(kept!.socket.readableEnded)
})

t.test('how long a connection rests is no matter once it carries a call', async t => {
  const { pool, peers } = await setUp(
    t,
    peer => {
      const isLate = peer.received.startsWith('POST /late')
      peer.received = ''
      setTimeout(() => peer.socket.write(ok()), isLate ? 900 : 0)
    },
    { keepAlive: 300 },
  )
  await send(pool)
  t.equal((await send(pool, { path: '/late' })).status, 200)
  t.equal(peers.length, 1)
})

t.test('nobody who listens, and nobody who takes the connection', async t => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  const times = { keepAlive: 1000, connectTimeout: 200 }
  const refused = await send(createPool(`http://127.0.0.1:${port}`, times))
  t.equal(refused.error?.code, 'ECONNREFUSED')

  // A process that stands still, and has as many connections waiting as its backlog lets in.
  const script = `require('net').createServer().listen({port: 0, host: '127.0.0.1', backlog: 1}, function () { console.log(this.address().port) })`
  const child = spawn(process.execPath, ['-e', script])
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  child.kill('SIGSTOP')
  const fill = [1, 2, 3, 4].map(() => connect(Number(line), '127.0.0.1').on('error', () => {}))
  await until(() => fill.filter(socket => !socket.connecting).length >= 2, 'the backlog is full')
  const begun = performance.now()
  const timedOut = await send(createPool(`http://127.0.0.1:${Number(line)}`, times))
  t.equal(timedOut.error?.code, 'connect_timeout')
  t.ok(performance.now() - begun >= 195 && performance.now() - begun < 4000)
  for (const socket of fill) socket.destroy()
  child.kill('SIGKILL')
})

t.test('an upstream with an IPv6 address, and the port that http has', async t => {
  const server = createServer(
    socket => void socket.once('data', () => socket.end(ok())).on('error', () => {}),
  )
  server.listen(0, '::1')
  const listening = await Promise.race([
    once(server, 'listening').then(() => true),
    once(server, 'error').then(() => false),
  ])
  if (!listening) return
  const pool = createPool(`http://[::1]:${(server.address() as AddressInfo).port}`, {
    keepAlive: 1000,
    connectTimeout: 1000,
  })
  t.equal((await send(pool)).status, 200)
  server.close()
  await pool.close()
})

t.test('a pool that closes lets calls end, closes what rests, and takes no more', async t => {
  const waiting: Peer[] = []
  const { pool, peers } = await setUp(t, peer => {
    if (peer.received.includes('/wait')) waiting.push(peer)
    else peer.socket.write(ok())
  })
  const late = begin(pool, { path: '/wait' })
  await send(pool)
  await until(() => waiting.length === 1, 'the call waits')
  let closed = false
  const closing = pool.close().then(() => (closed = true))
  t.equal((await send(pool)).error?.code, 'pool_closed')
  await until(
    () => peers.find(peer => peer !== waiting[0])!.socket.readableEnded,
    'the resting one is closed',
  )
  t.notOk(closed)
  waiting[0]!.socket.write(ok('"late"'))
  t.equal((await late.done).body, '"late"')
  await closing
  await until(() => waiting[0]!.socket.readableEnded, 'the last connection is closed')
})

t.test(
  'many calls at once, with connections that break all the time, each get their own answer or an error',
  async t => {
    let count = 0
    const { pool } = await setUp(t, peer => {
      const path = /^\S+ (\S+) .*\r\n\r\n\{\}$/s.exec(peer.received)?.[1]
      if (path === undefined) return
      peer.received = ''
      count++
      if (count % 17 === 0) peer.socket.destroy()
      else if (count % 11 === 0) peer.socket.write(ok(`"${path}"`) + ok('"of somebody else"'))
      else if (count % 7 === 0) peer.socket.end(ok(`"${path}"`))
      else peer.socket.write(ok(`"${path}"`))
    })
    const outcomes = new Map<string, number>()
    await Promise.all(
      Array.from({ length: 20 }, async (_, caller) => {
        for (let index = 0; index < 100; index++) {
          const path = `/${caller}-${index}`
          const { body, error } = await send(pool, { path })
          const outcome = error === undefined ? String(body === `"${path}"`) : (error.code ?? error.message)
          outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
        }
      }),
    )
    t.equal(count, 2000, 'each was sent once')
    t.equal(outcomes.get('false'), undefined, 'no answer of somebody else')
    t.ok(outcomes.get('true')! > 1800)
    t.ok([...outcomes.keys()].every(outcome => ['true', 'connection_closed', 'ECONNRESET'].includes(outcome)))
  },
)
