import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import t, { type Test } from 'tap'
import { hashSecret } from '../gateway/auth/api-key/key.ts'
import type { ReadResult } from '../gateway/config/handover.ts'
import { loadHandover } from '../gateway/config/load-handover.ts'
import { startGateway } from '../gateway/runtime/gateway.ts'
import { openCalls } from '../gateway/runtime/workers/worker-calls.ts'
import type { MainMethods, WorkerMethods } from './fixtures/calling-worker.ts'
import { startTestGateway, type TestGateway } from './fixtures/gateway.ts'
import { answerOrStream, json, messageOf, startTestUpstream } from './fixtures/upstream.ts'
import { until } from './fixtures/until.ts'

const secret = 'canary-of-the-key-0123456789abcdef'
/** Calls of `get_late` wait here until the test answers them. */
const late: (() => void)[] = []
const upstream = await startTestUpstream((arrival, response) => {
  const { id, params } = messageOf(arrival)
  if (params?.['name'] !== 'get_late') return answerOrStream(arrival, response)
  late.push(() => json(response, { jsonrpc: '2.0', id, result: {} }))
  return undefined
})
t.teardown(upstream.close)

const config = (more = '', workers = 2): string => `
auth: {keys: {type: api-key}}
roles: {all: {access: {main: {tools: {allow: ["*"]}}}}}
keys: {agent: {roles: [all], secrets: [{hash: "${hashSecret(secret)}"}]${more}}}
proxies: {main: {auth: [keys], upstream: {url: "${upstream.url}"}}}
workers: ${workers}
`

interface Started {
  gateway: TestGateway
  workers: Worker[]
  /** Calls a tool over a connection of its own, or one of the agent's. */
  call(tool: string, agent?: Agent): Promise<IncomingMessage>
}

async function start(
  t: Test,
  yaml = config(),
  { watch = true, answerTimeoutMs = 30_000 } = {},
): Promise<Started> {
  const workers: Worker[] = []
  const gateway = await startTestGateway(yaml, {
    watch,
    answerTimeoutMs,
    onWorker: worker => workers.push(worker),
  })
  t.teardown(gateway.close)
  const call = (tool: string, agent?: Agent): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const headers = {
        authorization: `Bearer ${secret}`,
        accept: 'application/json, text/event-stream',
        'content-type': 'application/json',
      }
      httpRequest(`${gateway.url}/main/mcp`, { method: 'POST', agent: agent ?? false, headers }, resolve)
        .on('error', reject)
        .end(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"${tool}"}}`)
    })
  return { gateway, workers, call }
}

const bodyOf = async (response: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

const status = async ({ adminUrl }: TestGateway): Promise<Record<string, unknown>> =>
  (await (await fetch(`${adminUrl}/status`)).json()) as Record<string, unknown>

/** Makes a worker answer the next call of a method with an error, without running it. */
function failNext(worker: Worker, method: string): void {
  const post = worker.postMessage.bind(worker)
  worker.postMessage = (message: { call: number; method: string }) => {
    if (message.method !== method) return post(message)
    worker.postMessage = post
    queueMicrotask(() => worker.emit('message', { answer: message.call, error: new Error('no room') }))
  }
}

t.test('log, metrics and status cover all workers of a gateway', async t => {
  const { gateway, workers, call } = await start(t, config('', 3))
  t.equal(workers.length, 3)
  const calls = 60
  for (let index = 0; index < calls; index++) t.equal((await call('get_a')).statusCode, 200)
  const requests = (): Record<string, unknown>[] => gateway.lines.filter(line => line['event'] === 'request')
  await until(() => requests().length === calls, 'every call is logged once')
  t.equal(new Set(requests().map(line => line['requestId'])).size, calls)
  const metrics = await gateway.metrics()
  t.match(metrics, `gatehouse_requests_total{proxy="main",status="200",reason=""} ${calls}`)
  t.match(metrics, 'gatehouse_workers 3')
  const stream = await call('get_stream')
  const other = await call('get_stream')
  t.match(await status(gateway), { workers: 3, openStreams: 2 })
  stream.destroy()
  other.destroy()
})

t.test('a revision that one worker cannot prepare is refused for all', async t => {
  const { gateway, workers, call } = await start(t, config(), { watch: false })
  const { revision } = await status(gateway)
  failNext(workers[1]!, 'prepare')
  gateway.write(config(', disabled: true'))
  await gateway.reload()
  t.match(await status(gateway), { revision, lastReload: { successful: false } })
  t.match(await gateway.metrics(), 'gatehouse_config_last_reload_successful 0')
  for (let index = 0; index < 20; index++) t.equal((await call('get_a')).statusCode, 200)
  await gateway.reload()
  for (let index = 0; index < 20; index++) t.equal((await call('get_a')).statusCode, 401)
})

t.test('a reload that failed for a reason other than its content is tried again', async t => {
  const { gateway, workers } = await start(t)
  const { revision } = await status(gateway)
  failNext(workers[1]!, 'prepare')
  gateway.write(config(', disabled: true'))
  await until(() => gateway.lines.some(line => line['event'] === 'reload_failed'), 'it fails')
  await until(async () => (await status(gateway))['revision'] !== revision, 'it is tried again')
})

t.test('a worker that cannot commit a revision is ended and replaced', async t => {
  const { gateway, workers, call } = await start(t)
  failNext(workers[0]!, 'commit')
  gateway.write(config(', disabled: true'))
  await until(() => gateway.lines.some(line => line['event'] === 'config_applied'), 'it is applied')
  await until(() => gateway.lines.some(line => line['event'] === 'worker_replaced'), 'it is replaced')
  t.match(await status(gateway), { workers: 2 })
  for (let index = 0; index < 40; index++) t.equal((await call('get_a')).statusCode, 401)
})

t.test('a worker that dies takes its own requests along, and nothing else', async t => {
  const { gateway, workers, call } = await start(t)
  const outcomes = Array.from({ length: 40 }, () =>
    call('get_late').then(
      async response => (await bodyOf(response), response.statusCode),
      (error: NodeJS.ErrnoException) => error.code,
    ),
  )
  const streams = await Promise.all(Array.from({ length: 20 }, () => call('get_stream')))
  const cut = streams.map(
    stream =>
      new Promise(resolve =>
        stream
          .on('error', () => {})
          .once('close', resolve)
          .resume(),
      ),
  )
  await until(() => late.length === 40, 'all calls wait upstream')
  await workers[0]!.terminate()
  await Promise.race(cut)
  await until(() => streams.filter(stream => stream.destroyed).length > 0, 'its streams end')
  for (let index = 0; index < 40; index++) t.equal((await call('get_a')).statusCode, 200, 'others serve on')
  for (const letGo of late.splice(0)) letGo()
  const ended = await Promise.all(outcomes)
  const lost = ended.filter(outcome => outcome !== 200)
  t.same([...new Set(lost)], ['ECONNRESET'], 'at once, instead of hanging')
  t.ok(lost.length > 0 && lost.length < 40, `${lost.length} of 40 calls are lost`)
  t.ok(
    streams.some(stream => !stream.destroyed),
    'streams of the other worker stay',
  )

  await until(() => gateway.lines.some(line => line['event'] === 'worker_replaced'), 'it is replaced')
  t.equal(gateway.lines.filter(line => line['event'] === 'worker_lost').length, 1)
  t.match(await status(gateway), { workers: 2 })
  t.match(await gateway.metrics(), 'gatehouse_workers_lost_total 1')
  const served = new Set<string>()
  workers.forEach((worker, index) =>
    worker.on('message', ({ records }) => {
      if (records?.text.includes('"event":"request"')) served.add(String(index))
    }),
  )
  await until(async () => {
    await bodyOf(await call('get_a'))
    await nextTurn()
    return served.has('2')
  }, 'the new worker serves')
  for (const stream of streams) stream.destroy()
})

t.test('a revision that arrives while a worker is replaced reaches the new one', async t => {
  const { gateway, workers, call } = await start(t)
  await workers[0]!.terminate()
  gateway.write(config(', disabled: true'))
  await until(() => gateway.lines.some(line => line['event'] === 'config_applied'), 'it is applied')
  await until(() => gateway.lines.some(line => line['event'] === 'worker_replaced'), 'it is replaced')
  for (let index = 0; index < 40; index++) t.equal((await call('get_a')).statusCode, 401)
})

t.test('an address that is taken is refused, even if it could be shared', async t => {
  const holder = createServer()
  holder.listen({ port: 0, host: '127.0.0.1', reusePort: true })
  await once(holder, 'listening')
  t.teardown(() => holder.close())
  const { port } = holder.address() as { port: number }
  const folder = t.testdir({
    'gateway.yaml': `version: 1\nlisten: {address: "127.0.0.1:${port}"}\nadmin: {address: "127.0.0.1:0"}\n${config()}`,
  })
  const load = (): ReadResult => loadHandover(join(folder, 'gateway.yaml'), { env: {}, now: new Date() })
  await t.rejects(startGateway({ load, write: () => {}, watch: false }), { code: 'EADDRINUSE' })
})

t.test('a stop lets requests in flight end, in every worker', async t => {
  const { gateway, call } = await start(t)
  const waiting = Array.from({ length: 10 }, () => call('get_late'))
  await until(() => late.length === 10, 'all calls wait upstream')
  const closed = gateway.close()
  await until(() => gateway.lines.some(line => line['event'] === 'draining'), 'it drains')
  for (const letGo of late.splice(0)) letGo()
  for (const response of await Promise.all(waiting)) t.equal(response.statusCode, 200)
  await closed
  t.equal(gateway.lines.filter(line => line['event'] === 'request').length, 10, 'and they are logged')
})

t.test('a worker that is starting when the gateway stops is ended', async t => {
  const { gateway, workers, call } = await start(t)
  await workers[0]!.terminate()
  await until(() => workers.length === 3, 'another is started')
  const ended = once(workers[2]!, 'exit')
  await gateway.close()
  await ended
  await t.rejects(call('get_a'), { code: 'ECONNREFUSED' })
  t.notOk(gateway.lines.some(line => ['worker_failed', 'worker_replaced'].includes(String(line['event']))))
})

t.test('a worker that hangs delays neither reloads nor the stop for longer than its timeout', async t => {
  for (const method of ['prepare', 'commit', 'drain']) {
    const { gateway, workers, call } = await start(t, config(), { watch: false, answerTimeoutMs: 1500 })
    const { revision } = await status(gateway)
    const post = workers[0]!.postMessage.bind(workers[0])
    workers[0]!.postMessage = (message: { method: string }) => {
      if (message.method !== method) post(message)
    }
    gateway.write(config(', disabled: true'))
    await gateway.reload()
    if (method === 'prepare') t.match(await status(gateway), { revision, lastReload: { successful: false } })
    else t.match(await status(gateway), { lastReload: { successful: true } })
    if (method !== 'drain') {
      await until(() => gateway.lines.some(line => line['event'] === 'worker_replaced'), 'it is replaced')
      await gateway.reload()
      for (let index = 0; index < 20; index++) t.equal((await call('get_a')).statusCode, 401)
    }
    await gateway.close()
  }
})

t.test('a gateway outlives a system that has no room for another worker', async t => {
  const workers: Worker[] = []
  let room = 2
  const onWorker = (worker: Worker): void => {
    workers.push(worker)
    if (room-- === 0) throw Object.assign(new Error('no room'), { code: 'ERR_WORKER_INIT_FAILED' })
  }
  const gateway = await startTestGateway(config(), { watch: false, onWorker })
  t.teardown(gateway.close)
  await workers[0]!.terminate()
  await until(() => gateway.lines.some(line => line['event'] === 'worker_replaced'), 'it is tried again')
  t.match(
    gateway.lines.filter(line => line['event'] === 'worker_failed'),
    [{ error: /no room/ }],
  )
  t.match(await status(gateway), { workers: 2 })
})

t.test('an address that is taken at the last moment is reported as taken', async t => {
  const holder = createServer()
  t.teardown(() => holder.close())
  const onWorker = (worker: Worker): void => {
    const post = worker.postMessage.bind(worker)
    worker.postMessage = (message: { method: string; argument: { port: number } }) => {
      if (message.method !== 'listen') return post(message)
      const { port } = message.argument
      if (!holder.listening) holder.listen({ port, host: '127.0.0.1' })
      post(message)
    }
  }
  await t.rejects(startTestGateway(config(), { watch: false, onWorker }), {
    name: 'ListenError',
    code: 'EADDRINUSE',
  })
})

t.test('a reload that a stop overtakes is neither applied nor reported as failed', async t => {
  for (const workers of [1, 2]) {
    const folder = t.testdir({
      'gateway.yaml': `version: 1\nlisten: {address: "127.0.0.1:0"}\nadmin: {address: "127.0.0.1:0"}\n${config('', workers)}`,
    })
    const path = join(folder, 'gateway.yaml')
    const { promise: held, resolve: letGo } = Promise.withResolvers<void>()
    let loads = 0
    const load = async (): Promise<ReadResult> => {
      if (loads++ > 0) await held
      return loadHandover(path, { env: {}, now: new Date() })
    }
    let text = ''
    const gateway = await startGateway({ load, write: more => (text += more), watch: false })
    writeFileSync(path, readFileSync(path, 'utf8').replace('"*"', '"a*"'))
    const reload = gateway.reload()
    await until(() => loads === 2, 'it is being read')
    await gateway.close()
    letGo()
    await reload
    await nextTurn()
    t.match(text, /"event":"stopped"[^\n]*\n$/, `${workers} workers: nothing is said after that`)
  }
})

t.test('a worker and the main thread call each other on one channel', async t => {
  const timeoutMs = 100
  const url = new URL('./fixtures/calling-worker.ts', import.meta.url)
  const worker = new Worker(url, { workerData: { timeoutMs } })
  t.teardown(() => worker.terminate())
  const stalled = Promise.withResolvers<number>()
  const own: MainMethods = {
    double: async value => value * 2,
    refuse: async () => Promise.reject(Object.assign(new Error('refused'), { code: 'E_REFUSED' })),
    stall: () => stalled.promise,
  }
  const messages: unknown[] = []
  const calls = openCalls<WorkerMethods>(worker, own, {
    timeoutMs: () => 30_000,
    isStarting: true,
    onMessage: message => messages.push(message),
  })
  t.strictSame(await calls.call('ask', 'double'), { result: 42 })
  t.match(await calls.call('ask', 'refuse'), { message: 'refused', code: 'E_REFUSED' })
  const timeout = { name: 'CallTimeout', message: `stall was not answered within ${timeoutMs} ms` }
  t.match(await calls.call('ask', 'stall'), timeout)
  stalled.resolve(1)
  t.strictSame(await calls.call('ask', 'double'), { result: 42 }, 'the late answer is ignored')
  t.match(await calls.call('ask', 'unknown' as never), { name: 'TypeError' })
  t.strictSame(messages, [])
  const pending = calls.call('ask', 'double')
  calls.close('the worker has ended')
  await t.rejects(pending, { message: 'the worker has ended' })
  await t.rejects(calls.call('ask', 'double'), { message: 'the worker has ended' })
})
