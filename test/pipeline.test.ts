import type { ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { authorize } from '../gateway/access/authorize.ts'
import { compileAccess } from '../gateway/access/rules.ts'
import type { Principal } from '../gateway/auth/principal.ts'
import type { BodyRequest } from '../gateway/http/exchange/body.ts'
import { keepUntilEnd, openExchange, releaseAll } from '../gateway/http/exchange/exchange.ts'
import type { Snapshot } from '../gateway/http/exchange/snapshot.ts'
import { createStreams } from '../gateway/http/exchange/streams.ts'
import { createUsageCounts } from '../gateway/http/exchange/usage.ts'
import { createConnectionSlots } from '../gateway/http/server/connection-slots.ts'
import { createListener } from '../gateway/http/server/listener.ts'
import { stages } from '../gateway/http/server/pipeline.ts'
import { Refusal } from '../gateway/mcp/errors.ts'
import { details, reasons, textOf, type Detail } from '../gateway/mcp/refusal-table.ts'
import { createLog } from '../gateway/observe/log.ts'
import { createMetrics } from '../gateway/observe/metrics.ts'

t.test('a request meets the stages in this order', async t => {
  t.strictSame(
    stages.map(({ name }) => name),
    [
      'readHead',
      'route',
      'checkHead',
      'preflight',
      'authenticate',
      'admit',
      'readBody',
      'authorize',
      'forward',
    ],
  )
})

t.test('each stage is timed, also the one that refuses', async t => {
  const timed: [string, number][] = []
  const snapshot = {
    revision: 'r',
    proxiesByPath: new Map(),
    proxiesByMetadataPath: new Map(),
    retain() {},
    release() {},
  } as unknown as Snapshot
  const { server } = createListener(
    {
      current: () => snapshot,
      draining: () => false,
      streams: createStreams(() => snapshot),
      usage: createUsageCounts(),
      slots: createConnectionSlots(new Int32Array(1), 0),
      log: createLog(() => {}),
      metrics: createMetrics(),
      onStage: (_exchange, stage, milliseconds) => void timed.push([stage, milliseconds]),
    },
    undefined,
  )
  await new Promise<void>(listens => server.listen(0, '127.0.0.1', listens))
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const { status } = await fetch(`http://127.0.0.1:${port}/nowhere`, { headers: { connection: 'close' } })
  t.equal(status, 404)
  t.strictSame(
    timed.map(([stage]) => stage),
    ['readHead', 'route'],
  )
  for (const [stage, milliseconds] of timed) t.ok(milliseconds >= 0 && milliseconds < 60_000, stage)
})

t.test('what a stage holds is released when the exchange ends, and at once if it ended before', async t => {
  const snapshot = {} as Snapshot
  const exchange = openExchange({} as BodyRequest, {} as ServerResponse, snapshot)
  const released: string[] = []
  const held = (name: string) => ({ release: () => void released.push(name) })
  keepUntilEnd(exchange, held('first'))
  keepUntilEnd(exchange, held('second'))
  t.strictSame(released, [])
  releaseAll(exchange)
  releaseAll(exchange)
  t.strictSame(released, ['second', 'first'])
  exchange.isOver = true
  keepUntilEnd(exchange, held('late'))
  t.strictSame(released, ['second', 'first', 'late'])
})

t.test('authorize() says whether, by which rule, and why not', async t => {
  const roles = { reader: { access: { main: { tools: { allow: ['get_*'], deny: [] } } } } }
  const scopes = { required: ['use'], tools: { get_secret: ['secrets'] } }
  const proxy = compileAccess('main', { auth: ['sso'], scopes } as never, roles as never)
  const principal = (held: readonly string[], granted?: readonly string[]): Principal => ({
    kind: granted === undefined ? 'key' : 'token',
    name: 'ann',
    roles: held,
    grantedBy: '/keys/ann/roles',
    expires: Infinity,
    digest: undefined,
    ...(granted !== undefined && { scopes: new Set(granted) }),
  })
  const call = (name: string) => ({ method: 'tools/call', kind: 'tool', name }) as const
  const other = (method: string, preliminary = false) => ({ method, kind: 'other', preliminary }) as const
  const allowed = '/roles/reader/access/main/tools/allow/0'
  const rows = [
    [principal(['reader']), call('get_a'), { allow: true, rule: allowed }],
    [principal(['reader']), call('rm'), { allow: false, rule: '/keys/ann/roles', reason: 'name_unknown' }],
    [principal([]), other('ping'), { allow: false, rule: '/keys/ann/roles', reason: 'proxy_forbidden' }],
    [principal(['reader']), other('x/y'), { allow: false, reason: 'method_unknown' }],
    [principal(['reader'], []), other('', true), { allow: true }],
    [principal(['reader'], []), other('ping'), { allow: false, reason: 'scope_missing', scopes: ['use'] }],
    [principal(['reader'], ['use']), call('get_a'), { allow: true, rule: allowed }],
    [
      principal(['reader'], ['use']),
      call('get_secret'),
      { allow: false, rule: '/proxies/main/scopes', reason: 'scope_missing', scopes: ['use', 'secrets'] },
    ],
    [principal(['reader'], []), call('rm'), { allow: false, reason: 'name_unknown' }],
  ] as const
  for (const [who, operation, expected] of rows)
    t.match(authorize(proxy, who, operation), expected, JSON.stringify(operation))
})

t.test('every detail of a refusal has a known reason, and a text that its values complete', async t => {
  for (const detail of Object.keys(details) as Detail[]) {
    const [reason, text] = details[detail]
    t.ok(reason in reasons, detail)
    const names = [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!)
    const values = Object.fromEntries(names.map(name => [name, `<${name}>`]))
    const refusal = new Refusal(detail, { values })
    t.equal(refusal.message, text.replaceAll(/\{(\w+)\}/g, '<$1>'), detail)
    t.strictSame([refusal.reason, refusal.status], [reason, reasons[reason].status], detail)
    // RFC 6750 §3: it also becomes an error_description.
    if (refusal.status === 401) t.notMatch(text, /["\\]|[^ -~]/, detail)
  }
  t.equal(textOf('name_unknown', { kind: 'tool', name: '{kind}' }), 'Unknown tool: {kind}')
})
