import { execFileSync } from 'node:child_process'
import fs, {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { hashSecret } from '../gateway/auth/api-key/key.ts'
import type { ReadResult } from '../gateway/config/handover.ts'
import { loadHandover } from '../gateway/config/load-handover.ts'
import { createLog } from '../gateway/observe/log.ts'
import { createMetrics } from '../gateway/observe/metrics.ts'
import { createApplier } from '../gateway/runtime/apply.ts'
import { startGateway } from '../gateway/runtime/gateway.ts'
import { LoadTimeout } from '../gateway/runtime/loader/load-timeout.ts'
import { createLoader } from '../gateway/runtime/loader/loader.ts'
import { createUsagePool } from '../gateway/lib/usage-pool.ts'
import { contentsOf, settle } from '../gateway/runtime/loader/settle.ts'
import { createWatcher, digestOfFiles } from '../gateway/runtime/loader/watch.ts'
import { startTestGateway, type TestGateway } from './fixtures/gateway.ts'
import { event, json, messageOf, sse, startTestUpstream } from './fixtures/upstream.ts'
import { until } from './fixtures/until.ts'

const steady = 'canary-of-the-steady-key-0123456789abcdef'
const revoked = 'canary-of-the-revoked-key-0123456789abcdef'

const upstream = await startTestUpstream((arrival, response) => {
  const { id, params } = messageOf(arrival)
  if (arrival.method === 'POST' && params?.['name'] !== 'get_stream') {
    return json(response, { jsonrpc: '2.0', id, result: { served: true } })
  }
  sse(response)
  response.write(event({ jsonrpc: '2.0', method: 'notifications/message', params: {} }))
  return undefined
})
t.teardown(upstream.close)

const everything = '{tools: {allow: ["*"]}, prompts: {allow: ["*"]}, resources: {allow: ["*"]}}'

interface Shape {
  keys?: string
  roles?: string
  proxy?: string
  more?: string
  auth?: string
}
const key = (secret: string, more = ''): string =>
  `{roles: [all], secrets: [{hash: "${hashSecret(secret)}"}]${more}}`
const config = ({
  keys,
  roles = `all: {access: {main: ${everything}}}`,
  proxy = '',
  more = '',
  auth = '',
}: Shape = {}): string => `
auth: {keys: {type: api-key${auth}}}
roles:
  ${roles}
keys:
  ${keys ?? `steady: ${key(steady)}\n  revoked: ${key(revoked)}`}
proxies:
  main: {auth: [keys], upstream: {url: "${upstream.url}"${proxy}}}
${more}
`

interface Stream {
  readonly text: () => string
  readonly ended: () => boolean
  readonly endedAt: () => number
}

/** Opens a stream, by GET or as the response to a call, and follows it. */
function openStream(url: string, secret: string, call = false): Promise<Stream> {
  return new Promise((resolve, reject) => {
    const body = '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"get_stream"}}'
    const headers = {
      authorization: `Bearer ${secret}`,
      accept: 'text/event-stream',
      'content-type': 'application/json',
    }
    const sent = httpRequest(
      url,
      { method: call ? 'POST' : 'GET', headers, agent: false },
      (response: IncomingMessage) => {
        if (response.statusCode !== 200) return reject(new Error(`status ${response.statusCode}`))
        let [text, end] = ['', 0]
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
        response.on('error', () => {}).on('close', () => (end = Date.now()))
        response.once('data', () => resolve({ text: () => text, ended: () => end > 0, endedAt: () => end }))
        return undefined
      },
    )
    sent.on('error', reject)
    sent.end(call ? body : undefined)
  })
}

async function called(url: string, secret: string): Promise<number> {
  const response = await fetch(url, {
    method: 'POST',
    body: '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_a"}}',
    headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
  })
  await response.text()
  return response.status
}

const count = (gateway: TestGateway, event: string): number =>
  gateway.lines.filter(line => line['event'] === event).length

for (const [workers, rewrites] of [
  [1, 100],
  [3, 20],
] as const)
  t.test(`a reload under fire costs nobody anything: ${workers} workers`, { timeout: 110_000 }, async t => {
    const gateway = await startTestGateway(`${config()}\nworkers: ${workers}\n`)
    t.teardown(gateway.close)
    const url = `${gateway.url}/main/mcp`
    const open = (secret: string): Promise<Stream[]> =>
      Promise.all(Array.from({ length: 100 }, (_, index) => openStream(url, secret, index % 2 === 1)))
    const kept = await open(steady)
    const lost = await open(revoked)
    t.equal((await gateway.status()).openStreams, 200)

    const firing = new AbortController()
    const statuses = new Map<number, number>()
    const fire = async (secret: string): Promise<void> => {
      while (!firing.signal.aborted) {
        const status = await called(url, secret)
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
      }
    }
    const shots = [fire(steady), fire(revoked)]

    for (let index = 1; index <= rewrites; index++) {
      const seen = count(gateway, 'config_applied') + count(gateway, 'config_refused')
      const broken = index % 5 === 0
      const text = config({
        more: `# ${index}`,
        roles: `all: {access: {main: ${everything}}}\n  role-${index}: {access: {}}`,
      })
      const next = `${broken ? text.replace('roles: [all]', 'roles: [al]') : text}\nworkers: ${workers}\n`
      if (index % 2 === 0) gateway.write(next)
      else
        writeFileSync(
          gateway.configPath,
          `version: 1\nadmin: {address: "127.0.0.1:0"}\nlisten: {address: "127.0.0.1:0", drain: 250ms}\n${next}`,
        )
      await until(
        () => count(gateway, 'config_applied') + count(gateway, 'config_refused') > seen,
        `rewrite ${index} is seen`,
      )
      const metrics = await gateway.metrics()
      t.match(metrics, `gatehouse_config_last_reload_successful ${broken ? 0 : 1}`, `rewrite ${index}`)
    }
    t.equal(count(gateway, 'config_applied'), rewrites * 0.8)
    t.equal(count(gateway, 'config_refused'), rewrites * 0.2)
    t.equal(kept.filter(stream => stream.ended()).length, 0, 'no stream of an untouched key is dropped')
    t.equal(lost.filter(stream => stream.ended()).length, 0)

    const revokedAt = Date.now()
    gateway.write(`${config({ keys: `steady: ${key(steady)}` })}\nworkers: ${workers}\n`)
    await until(() => lost.every(stream => stream.ended()), 'the streams of the revoked key are gone')
    const slowest = Math.max(...lost.map(stream => stream.endedAt())) - revokedAt
    t.ok(slowest < 1000, `the last stream went after ${slowest} ms`)
    t.match(lost[1]!.text(), /"id":7,"error":\{"code":40102/, 'a call is told why')
    t.equal(kept.filter(stream => stream.ended()).length, 0)
    firing.abort()
    await Promise.all(shots)
    t.same(
      [...statuses.keys()].filter(status => status !== 200 && status !== 401),
      [],
      'no call fails',
    )
    t.ok((statuses.get(200) ?? 0) > 200, `${statuses.get(200)} calls`)
    t.equal(await called(url, revoked), 401)
    t.equal((await gateway.status()).openStreams, 100)
  })

const cuts: [name: string, next: Shape, code: number | undefined][] = [
  ['nothing but a comment', { more: '# x' }, undefined],
  ['another key', { keys: `steady: ${key(steady)}\n  more: ${key('more')}` }, undefined],
  [
    'a role that grants more',
    { roles: `all: {access: {main: ${everything}, "*": ${everything}}}` },
    undefined,
  ],
  [
    'a second secret',
    {
      keys: `steady: {roles: [all], secrets: [{hash: "${hashSecret('x')}"}, {hash: "${hashSecret(steady)}"}]}`,
    },
    undefined,
  ],
  ['a later expiry', { keys: `steady: ${key(steady, ', expires: 2999-01-01')}` }, undefined],
  ['the key is gone', { keys: `other: ${key('other')}` }, 40102],
  ['the last key is taken out, and the block is left empty', { keys: '' }, 40102],
  ['the key is disabled', { keys: `steady: ${key(steady, ', disabled: true')}` }, 40102],
  ['the key has expired', { keys: `steady: ${key(steady, ', expires: 2001-01-01')}` }, 40103],
  ['the key is not valid yet', { keys: `steady: ${key(steady, ', notBefore: 2999-01-01')}` }, 40102],
  ['the secret is gone', { keys: `steady: ${key('rotated')}` }, 40102],
  ['the secret went to another key', { keys: `steady: ${key('rotated')}\n  thief: ${key(steady)}` }, 40102],
  ['the role lost an allow', { roles: 'all: {access: {main: {tools: {allow: ["get_*"]}}}}' }, 40301],
  [
    'the role got a deny',
    {
      roles: `all: {access: {main: {tools: {allow: ["*"], deny: ["x"]}, prompts: {allow: ["*"]}, resources: {allow: ["*"]}}}}`,
    },
    40301,
  ],
  ['the proxy got a ceiling', { proxy: '}, tools: {deny: ["x"]' }, 40301],
  ['the proxy got an allow list', { proxy: '}, tools: {allow: ["get_*"]' }, 40301],
  ['the proxy got an allow list that allows everything', { proxy: '}, tools: {allow: ["*"]' }, undefined],
  ['the upstream got a header', { proxy: ', headers: {X-New: {value: a}}' }, 50301],
  ['the auth method reads another place', { auth: ', name: X-Api-Key' }, 40102],
  ['the proxy is gone', { more: '', roles: 'all: {access: {}}', proxy: 'GONE' }, 50301],
]

t.test('a stream continues unless a reload removes what it depends on', async t => {
  for (const [name, next, code] of cuts) {
    t.test(name, async t => {
      const gateway = await startTestGateway(config({ keys: `steady: ${key(steady)}` }), { watch: false })
      t.teardown(gateway.close)
      const url = `${gateway.url}/main/mcp`
      const [get, call] = [await openStream(url, steady), await openStream(url, steady, true)]
      const text = config({ keys: `steady: ${key(steady)}`, ...next })
      gateway.write(
        next.proxy === 'GONE' ? text.replace('main: {auth', 'renamed: {auth').replace('GONE', '') : text,
      )
      await gateway.reload()
      t.ok((await gateway.status()).lastReload.successful)
      if (code === undefined) {
        t.equal((await gateway.status()).openStreams, 2)
        t.notOk(get.ended() || call.ended())
        return
      }
      await until(() => get.ended() && call.ended(), 'both streams end', 1000)
      t.match(call.text(), new RegExp(`"id":7,"error":\\{"code":${code},`))
    })
  }
})

t.test('an expiring key ends its streams on time, without a reload', async t => {
  const instant = new Date(Date.now() + 700)
  const gateway = await startTestGateway(
    config({ keys: `steady: ${key(steady, `, expires: "${instant.toISOString()}"`)}` }),
  )
  t.teardown(gateway.close)
  const stream = await openStream(`${gateway.url}/main/mcp`, steady, true)
  await until(() => stream.ended(), 'the stream ends', 3000)
  const late = stream.endedAt() - instant.getTime()
  t.ok(late >= 0 && late < 300, `${late} ms after the instant`)
  t.match(stream.text(), '"code":40103')
  t.equal(await called(`${gateway.url}/main/mcp`, steady), 401)
})

t.test(
  'a call that was sent before its key was revoked completes; its later stream does not start',
  async t => {
    let answer = (): void => {}
    const slow = await startTestUpstream((arrival, response) => {
      const { id, params } = messageOf(arrival)
      answer = () => {
        if (params?.['name'] !== 'get_stream') return json(response, { jsonrpc: '2.0', id, result: {} })
        sse(response)
        response.write(event({ jsonrpc: '2.0', method: 'notifications/message', params: { secret: 'late' } }))
        return undefined
      }
    })
    const text = config().replace(upstream.url, slow.url)
    const gateway = await startTestGateway(text, { watch: false })
    t.teardown(async () => {
      await slow.close()
      await gateway.close()
    })
    const url = `${gateway.url}/main/mcp`
    const withoutKey = config({ keys: `steady: ${key(steady)}` }).replace(upstream.url, slow.url)
    const running = called(url, revoked)
    await until(() => slow.arrivals.length === 1, 'the call arrives')
    gateway.write(withoutKey)
    await gateway.reload()
    answer()
    t.equal(await running, 200)

    gateway.write(text)
    await gateway.reload()
    const late = fetch(url, {
      method: 'POST',
      body: '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"get_stream"}}',
      headers: { authorization: `Bearer ${revoked}`, 'content-type': 'application/json' },
    })
    await until(() => slow.arrivals.length === 2, 'the call arrives')
    gateway.write(withoutKey)
    await gateway.reload()
    answer()
    const answered = await (await late).text()
    t.match(answered, '"code":40102')
    t.notMatch(answered, '"late"')
  },
)

t.test('a refused file changes nothing, and the reason is reported', async t => {
  const gateway = await startTestGateway(config())
  t.teardown(gateway.close)
  const { revision } = await gateway.status()
  for (const [text, code] of [
    [config({ roles: 'al: {access: {}}' }), 'GH1301'],
    ['proxies: [', 'GH1004'],
    ['', 'GH1202'],
  ] as const) {
    const refused = count(gateway, 'config_refused')
    gateway.write(text)
    await until(() => count(gateway, 'config_refused') > refused, 'it is refused')
    const status = await gateway.status()
    t.equal(status.revision, revision)
    t.equal(status.lastReload.successful, false)
    t.ok(
      status.lastReload.diagnostics.some(diagnostic => diagnostic.code === code),
      `${code} in ${JSON.stringify(status.lastReload.diagnostics)}`,
    )
    t.equal(await called(`${gateway.url}/main/mcp`, steady), 200)
  }
  gateway.write(config())
  await until(async () => (await gateway.status()).lastReload.successful, 'the good file is taken again')
  t.equal((await gateway.status()).revision, revision)
})

t.test('a writer that paused had half of its file applied, and one save logged seven refusals', async t => {
  const gateway = await startTestGateway(`${config()}\nreload: {settle: 1s}\n`)
  t.teardown(gateway.close)
  /** Writes in place, in pieces that each differ from the last for a moment. */
  const save = async (text: string): Promise<void> => {
    const whole = readFileSync(gateway.configPath, 'utf8').replace(/auth:[^]*(?=reload:)/, text)
    const pieces = 7
    for (let written = 1; written <= pieces; written++) {
      writeFileSync(gateway.configPath, whole.slice(0, Math.ceil((whole.length * written) / pieces)))
      await new Promise(resolve => setTimeout(resolve, 100))
    }
  }
  await save(config({ more: '# a comment at the top changes nothing', keys: `steady: ${key(steady)}` }))
  await until(() => count(gateway, 'config_applied') === 1, 'it is applied')
  t.equal(count(gateway, 'config_refused'), 0, 'no part of it was read')
  await save(config({ roles: 'al: {access: {}}' }))
  await until(() => count(gateway, 'config_refused') === 1, 'it is refused')
  await save(config({ keys: `steady: ${key(steady)}` }))
  await until(() => count(gateway, 'config_unchanged') === 1, 'the log says that the file is good again')
  t.match(await gateway.status(), { lastReload: { successful: true } })
  await gateway.reload()
  t.equal(count(gateway, 'config_refused'), 1, 'one save is refused once')
  t.equal(count(gateway, 'config_applied'), 1)
})

t.test(
  'a file that is only the beginning of what is in force was applied as if the rest was deleted',
  async t => {
    const folder = t.testdir({ file: 'one\ntwo\n', other: 'one\ntwo\n', empty: 'one\n', secret: 'one' })
    const paths = ['file', 'other', 'empty', 'secret'].map(name => join(folder, name))
    const inForce = contentsOf(paths)
    const order: string[] = []
    const quiet = { quietMs: 50, inForce, isStopped: () => false }
    const settled = async (name: string, settling = quiet): Promise<void> => {
      await settle({ files: [join(folder, name)], directories: [] }, settling)
      order.push(name)
    }
    writeFileSync(join(folder, 'file'), 'one\n')
    writeFileSync(join(folder, 'empty'), '')
    writeFileSync(join(folder, 'other'), 'two\n')
    writeFileSync(join(folder, 'secret'), 'one more')
    const since = performance.now()
    const cut = [settled('file'), settled('empty')]
    await Promise.all([settled('other'), settled('secret')])
    t.ok(performance.now() - since >= 50)
    t.strictSame(order.toSorted(), ['other', 'secret'])
    await Promise.all(cut)
    t.ok(performance.now() - since >= 2000, 'nobody has written more for a while')
    await settled('file', { ...quiet, inForce: new Map() })
    let stopped = false
    const stopping = settled('file', { ...quiet, isStopped: () => stopped })
    stopped = true
    await stopping
  },
)

t.test('an address cannot change while the gateway runs', async t => {
  const gateway = await startTestGateway(config(), { watch: false })
  t.teardown(gateway.close)
  const { revision } = await gateway.status()
  writeFileSync(
    gateway.configPath,
    `version: 1\nadmin: {address: "127.0.0.1:0"}\nlisten: {address: "127.0.0.1:1"}\n${config({ keys: `steady: ${key(steady)}` })}`,
  )
  await gateway.reload()
  t.match(await gateway.status(), {
    revision,
    lastReload: { successful: false, diagnostics: [{ code: 'GH1318', line: 3 }] },
  })
  t.equal(await called(`${gateway.url}/main/mcp`, revoked), 200, 'nothing of that revision is in force')
})

t.test('a secret file that changes is a new revision, and streams to that upstream end', async t => {
  const gateway = await startTestGateway(config())
  t.teardown(gateway.close)
  const secret = join(gateway.folder, 'secret')
  writeFileSync(secret, 'first-of-two\n')
  gateway.write(config({ proxy: ', headers: {X-Key: {file: secret}}' }))
  await until(() => count(gateway, 'config_applied') === 1, 'it is applied')
  const stream = await openStream(`${gateway.url}/main/mcp`, steady)
  t.equal(upstream.arrivals.at(-1)!.headers['x-key'], 'first-of-two')
  writeFileSync(secret, 'second-of-two\n')
  await until(() => stream.ended(), 'the stream ends')
  t.equal(await called(`${gateway.url}/main/mcp`, steady), 200)
  t.equal(upstream.arrivals.at(-1)!.headers['x-key'], 'second-of-two')
  t.notMatch(gateway.logText(), /-of-two/)
  const applied = gateway.lines.filter(({ event }) => event === 'config_applied')
  t.equal(applied.at(-1)!['revision'], `${String(applied.at(-1)!['previous'])}-2`, 'told apart by a number')
})

/** Starts a gateway on a path that a test lays out itself. */
async function startOn(t: Test, path: string): Promise<{ revision: () => Promise<string> }> {
  const gateway = await startGateway({
    load: () => loadHandover(path, { env: {}, now: new Date() }),
    write: () => {},
    watch: true,
  })
  t.teardown(gateway.close)
  return {
    revision: async () =>
      ((await (await fetch(`${gateway.adminUrl}/status`)).json()) as { revision: string }).revision,
  }
}

t.test('files are read again only if they have changed, even while they were read', async t => {
  const path = join(t.testdir({ 'gateway.yaml': addressed('v1') }), 'gateway.yaml')
  const read = (): ReadResult => loadHandover(path, { env: {}, now: new Date() })
  const first = read()
  let loads = 0
  let meanwhile = (): void => {}
  const load = (): ReadResult => {
    const result = read()
    loads++
    meanwhile()
    return result
  }
  const core = { prepare: async () => {}, commit: async () => {} }
  const observers = { core, log: createLog(() => {}), metrics: createMetrics() }
  const applier = await createApplier({ ...first, handover: first.handover! }, load, observers)
  await applier.apply('change')
  t.equal(loads, 0)
  writeFileSync(path, addressed('v2'))
  meanwhile = () => {
    writeFileSync(path, addressed('v3'))
    meanwhile = () => {}
  }
  await applier.apply('change')
  t.equal(loads, 1)
  await applier.apply('change')
  t.equal(loads, 2)
  await applier.apply('change')
  t.equal(loads, 2)
  t.equal(applier.revision(), read().handover!.revision)
})

t.test('newer bytes abort the load in progress, and no success is reported while they wait', async t => {
  const path = join(t.testdir({ 'gateway.yaml': addressed('v1') }), 'gateway.yaml')
  const read = (): ReadResult => loadHandover(path, { env: {}, now: new Date() })
  const first = read()
  const loads: { signal: AbortSignal; resolve(result: ReadResult): void }[] = []
  const load = (signal?: AbortSignal): Promise<ReadResult> =>
    new Promise((resolve, reject) => {
      signal!.addEventListener('abort', () => reject(signal!.reason as Error))
      loads.push({ signal: signal!, resolve })
    })
  const lines: string[] = []
  const core = { prepare: async () => {}, commit: async () => {} }
  const observers = { core, log: createLog(text => void lines.push(text)), metrics: createMetrics() }
  const applier = await createApplier({ ...first, handover: first.handover! }, load, observers)
  t.equal(applier.pendingSeconds(), 0)
  t.notOk(applier.status().pending)
  writeFileSync(path, addressed('v2'))
  const applied = applier.apply('change')
  t.equal(applier.status().lastReload.successful, false, 'also while it is not certain that they stand still')
  await until(() => loads.length === 1, 'it is read')
  t.equal(applier.status().lastReload.successful, false)
  const { since } = applier.status().pending!
  writeFileSync(path, addressed('v3'))
  await until(() => {
    void applier.apply('change')
    return loads[0]!.signal.aborted
  }, 'the load is aborted')
  await until(() => loads.length === 2, 'the newer bytes are read')
  t.equal(applier.status().pending!.since, since, 'it has been pending since the first change')
  const latest = read()
  loads[1]!.resolve(latest)
  await applied
  t.equal(applier.revision(), latest.handover!.revision)
  t.match(applier.status(), { lastReload: { successful: true }, pending: undefined })
  t.notMatch(lines.join(''), 'reload_failed')

  writeFileSync(path, addressed('v4'))
  const again = applier.apply('change')
  await until(() => loads.length === 3, 'it is read')
  writeFileSync(path, addressed('v3'))
  await until(() => {
    void applier.apply('change')
    return loads[2]!.signal.aborted
  }, 'the load is aborted')
  await again
  t.match(
    applier.status(),
    { lastReload: { successful: true }, pending: undefined },
    'what is in force is back',
  )
  t.equal(loads.length, 3)
})

t.test('a load is not applied if the files changed in the meantime', async t => {
  const path = join(t.testdir({ 'gateway.yaml': addressed('v1') }), 'gateway.yaml')
  const read = (): ReadResult => loadHandover(path, { env: {}, now: new Date() })
  const first = read()
  let meanwhile = (): void => {}
  const load = (): ReadResult => {
    const result = read()
    meanwhile()
    return result
  }
  const applied: string[] = []
  const core = {
    prepare: async ({ revision }: { revision: string }) => void applied.push(revision),
    commit: async () => {},
  }
  const observers = { core, log: createLog(() => {}), metrics: createMetrics() }
  const applier = await createApplier({ ...first, handover: first.handover! }, load, observers)
  writeFileSync(path, addressed('v2'))
  meanwhile = () => {
    writeFileSync(path, addressed('v3'))
    meanwhile = () => {}
  }
  await applier.apply('demand')
  t.same(applied, [first.handover!.revision, read().handover!.revision], 'v2 never comes into force')
})

t.test('a load that takes too long is aborted, and reported as failed', async t => {
  const path = join(t.testdir({ 'gateway.yaml': addressed('v1') }), 'gateway.yaml')
  await t.rejects(createLoader(path, {}, 1).load(), { name: 'LoadTimeout' })
  const loader = createLoader(path, {})
  const first = await loader.load()
  let fault: Error | undefined = new LoadTimeout('the configuration', 30_000)
  let loads = 0
  const load = async (): Promise<ReadResult> => {
    loads++
    if (fault !== undefined) throw fault
    return loadHandover(path, { env: {}, now: new Date() })
  }
  const lines: string[] = []
  const core = { prepare: async () => {}, commit: async () => {} }
  const observers = { core, log: createLog(text => void lines.push(text)), metrics: createMetrics() }
  const applier = await createApplier({ ...first, handover: first.handover! }, load, observers)
  writeFileSync(path, addressed('v2'))
  await applier.apply('change')
  observers.log.flush()
  t.match(lines.join(''), /"event":"reload_failed".*longer than 30 s/)
  t.match(applier.status(), { lastReload: { successful: false }, pending: { since: String } })
  await applier.apply('change')
  t.equal(loads, 1, 'the same bytes are left alone')
  fault = undefined
  writeFileSync(path, addressed('v3'))
  await applier.apply('change')
  t.equal(applier.revision(), loadHandover(path, { env: {}, now: new Date() }).handover!.revision)
})

t.test('while a file with errors is pending, status, log and metrics say for how long', async t => {
  const gateway = await startTestGateway(config())
  t.teardown(gateway.close)
  t.match(await gateway.metrics(), /^gatehouse_config_pending_seconds 0$/m)
  const before = Date.now()
  gateway.write(config({ roles: 'al: {access: {}}' }))
  await until(() => count(gateway, 'config_refused') === 1, 'it is refused')
  const pending = async (): Promise<{ since: string; seconds: number } | undefined> =>
    ((await gateway.status()) as { pending?: { since: string; seconds: number } }).pending
  const { since, seconds } = (await pending())!
  t.ok(Date.parse(since) >= before && Date.parse(since) <= Date.now())
  t.ok(seconds >= 0 && seconds < 60)
  t.match(
    gateway.lines.find(line => line['event'] === 'config_refused'),
    { pendingSince: since },
  )
  t.notMatch(await gateway.metrics(), /^gatehouse_config_pending_seconds 0$/m)
  gateway.write(config({ roles: 'all: {access: {}, more: 1}' }))
  await until(() => count(gateway, 'config_refused') === 2, 'it is refused')
  t.equal((await pending())!.since, since, 'another mistake does not begin anew')
  gateway.write(config())
  await until(async () => (await pending()) === undefined, 'the good file is taken again')
  t.match(await gateway.metrics(), /^gatehouse_config_pending_seconds 0$/m)
})

const addressed = (more: string): string =>
  `version: 1\nreload: {settle: 25ms}\nadmin: {address: "127.0.0.1:0"}\nlisten: {address: "127.0.0.1:0"}\n${config({ keys: `steady: ${key(steady)}\n  ${more}: ${key(more)}` })}\nworkers: 1\n`
const sooner = 1500

t.test('the ..data swap of Kubernetes is noticed at once', async t => {
  const mount = mkdtempSync(join(tmpdir(), 'gatehouse-mount-'))
  t.teardown(() => rmSync(mount, { recursive: true }))
  const lay = (version: string): void => {
    mkdirSync(join(mount, version))
    writeFileSync(join(mount, version, 'gateway.yaml'), addressed(version.slice(2)))
    symlinkSync(version, join(mount, '..data_tmp'))
    renameSync(join(mount, '..data_tmp'), join(mount, '..data'))
  }
  lay('..v1')
  symlinkSync(join('..data', 'gateway.yaml'), join(mount, 'gateway.yaml'))
  const { revision } = await startOn(t, join(mount, 'gateway.yaml'))
  let last = await revision()
  for (const version of ['..v2', '..v3', '..v4']) {
    lay(version)
    await until(async () => (await revision()) !== last, `${version} is applied`, sooner)
    last = await revision()
  }
})

t.test('a rename, a rewrite in place, and an added or removed fragment are noticed at once', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-folder-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  mkdirSync(join(folder, 'teams'))
  const path = join(folder, 'gateway.yaml')
  const text = (name: string): string => `${addressed(name)}\ninclude: [teams/*.yaml]\n`
  writeFileSync(path, text('one'))
  const { revision } = await startOn(t, path)
  let last = await revision()
  const changed = async (what: string): Promise<void> => {
    await until(async () => (await revision()) !== last, `${what} is seen`, sooner)
    last = await revision()
  }
  writeFileSync(path, text('two'))
  await changed('a rewrite')
  writeFileSync(`${path}.new`, text('three'))
  renameSync(`${path}.new`, path)
  await changed('a rename')
  writeFileSync(join(folder, 'teams/a.yaml'), `keys: {four: ${key('four')}}\n`)
  await changed('a new fragment')
  writeFileSync(join(folder, 'teams/a.yaml'), `keys: {five: ${key('five')}}\n`)
  await changed('a changed fragment')
  rmSync(join(folder, 'teams/a.yaml'))
  await changed('a removed fragment')
})

t.test('the gateway polls where the system reports no changes', async () => {
  let looks = 0
  const watcher = createWatcher(
    () => looks++,
    () => {},
    5,
  )
  await until(() => looks > 2, 'it looks')
  await watcher.close()
})

t.test('a gateway outlives a system that has no watches left, at its start and later', async t => {
  const { watch } = fs
  t.teardown(() => {
    fs.watch = watch
    syncBuiltinESMExports()
  })
  fs.watch = () => {
    throw Object.assign(new Error('no watches left'), { code: 'ENOSPC', syscall: 'watch' })
  }
  syncBuiltinESMExports()
  const gateway = await startTestGateway(config())
  t.teardown(gateway.close)
  const { revision } = await gateway.status()
  t.ok(
    gateway.lines.some(({ event }) => event === 'watch_failed'),
    'it is said',
  )
  gateway.write(config({ keys: `steady: ${key(steady)}` }))
  await until(async () => (await gateway.status()).revision !== revision, 'the file is still compared')
})

t.test('the log says why the worker that reads the configuration died', async t => {
  const { load } = createLoader(undefined as never, {})
  await t.rejects(load(), { message: /ERR_INVALID_ARG_TYPE/ })
  await t.rejects(load(), { message: /ERR_INVALID_ARG_TYPE/ }, 'another thread was started')
})

t.test('a file that is too large for a configuration is not read whole at every poll', t => {
  const folder = t.testdir({ small: 'small', large: '' })
  const [small, large] = [join(folder, 'small'), join(folder, 'large')]
  truncateSync(large, 16 * 2 ** 20 + 1)
  const read = t.capture(fs, 'readFileSync', fs.readFileSync)
  syncBuiltinESMExports()
  t.teardown(syncBuiltinESMExports)
  const before = digestOfFiles({ files: [small, large], directories: [] })
  t.same(
    read().map(({ args: [path] }) => path),
    [small],
  )
  truncateSync(large, 16)
  t.not(digestOfFiles({ files: [small, large], directories: [] }), before, 'its change is seen')
  t.end()
})

t.test('the digest of the files equals the digest of the load', t => {
  const folder = t.testdir({ folder: {}, large: '', secret: 'x' })
  truncateSync(join(folder, 'large'), 16 * 2 ** 20 + 1)
  execFileSync('mkfifo', [join(folder, 'pipe')])
  symlinkSync('loop', join(folder, 'loop'))
  for (const name of ['secret', 'folder', 'large', 'pipe', 'absent', 'secret/below', 'loop']) {
    const path = join(folder, 'gateway.yaml')
    const upstream = `{url: "http://127.0.0.1:1/mcp", headers: {X-A: {file: ${name}}}}`
    writeFileSync(path, `version: 1\nproxies: {main: {auth: none, upstream: ${upstream}}}\n`)
    const result = loadHandover(path, { env: {}, now: new Date() })
    t.ok(result.files.includes(join(folder, name)))
    t.equal(digestOfFiles(result), result.digest, name)
  }
  t.end()
})

t.test('a value that several snapshots share is disposed of when the last releases it', async t => {
  const ended: string[] = []
  const shared = createUsagePool<string>(value => ended.push(value))
  const [a, b] = [shared.acquire('x', () => 'x'), shared.acquire('x', () => 'never made')]
  t.equal(b.value, 'x')
  a.release()
  a.release()
  t.same(ended, [])
  b.release()
  t.same(ended, ['x'])
  t.equal(shared.values().length, 0)
})
