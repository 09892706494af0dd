import crypto from 'node:crypto'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { hashSecret } from '../gateway/auth/api-key/key.ts'
import { createPool } from '../gateway/http/client/pool.ts'
import { startTestGateway, type TestGateway } from './fixtures/gateway.ts'
import { json, messageOf, startTestUpstream } from './fixtures/upstream.ts'
import { until } from './fixtures/until.ts'

const secret = 'canary-of-the-waiting-key-0123456789abcdef'
const hash = hashSecret(secret)
const slowHash =
  'argon2id:$argon2id$v=19$m=32,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$PS0ZrpSBNr82OTsJSSgy8JDnkB32y+7dWH6ZiN++z98'

const upstream = await startTestUpstream((arrival, response) =>
  json(response, { jsonrpc: '2.0', id: messageOf(arrival).id, result: { served: 'first' } }),
)
const another = await startTestUpstream((arrival, response) =>
  json(response, { jsonrpc: '2.0', id: messageOf(arrival).id, result: { served: 'second' } }),
)
t.teardown(upstream.close)
t.teardown(another.close)
t.beforeEach(() => {
  upstream.arrivals.length = 0
  another.arrivals.length = 0
})

/** A server of somebody else whose answers wait until they are let go. */
async function startHeld(t: Test): Promise<{ url: string; waiting: ServerResponse[] }> {
  const waiting: ServerResponse[] = []
  const server = createServer((request, response) => {
    request.resume().once('end', () => void waiting.push(response))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/held`, waiting }
}

interface Shape {
  keys?: string
  role?: string
  proxy?: string
  path?: string
  url?: string
}
const config = ({
  keys = `waiting: {roles: [all], secrets: [{hash: "${hash}"}]}`,
  role = 'tools: {allow: ["*"]}',
  proxy = '',
  path = '',
  url = upstream.url,
}: Shape = {}): string => `
listen:
  timeout: {request: 60s}
auth: {keys: {type: api-key}}
roles: {all: {access: {"*": {${role}}}}}
keys:
  ${keys}
proxies: {main: {auth: [keys], ${path} upstream: {url: "${url}"}${proxy}}}
`

const body = '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"delete_a"}}'
const head = (more = ''): string =>
  `POST /main/mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${secret}\r\n` +
  `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n${more}\r\n`

/** Opens a connection, writes, and follows what comes. */
async function open(
  t: Test,
  { url }: TestGateway,
  text: string,
): Promise<{ socket: Socket; seen: () => string }> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  t.teardown(() => socket.destroy())
  await once(socket, 'connect')
  let seen = ''
  socket.setEncoding('latin1').on('data', (chunk: string) => (seen += chunk))
  socket.on('error', () => {})
  socket.write(text)
  return { socket, seen: () => seen }
}

async function start(t: Test, yaml: string, options = {}): Promise<TestGateway> {
  const gateway = await startTestGateway(yaml, { watch: false, ...options })
  t.teardown(gateway.close)
  return gateway
}

async function change(gateway: TestGateway, yaml: string): Promise<void> {
  gateway.write(yaml)
  await gateway.reload()
}

/** Whether a response is complete: JSON, or the text of an error. */
const isAnswered = (text: string): boolean => text.endsWith('}') || /\nrequestId: .*\n$/s.test(text)

/** The line of the log about the one request so far. */
const lineOf = (gateway: TestGateway): Promise<Record<string, unknown>> =>
  until(() => gateway.lines.find(line => line['event'] === 'request'), 'the request is logged')

const changes: [name: string, next: Shape, status: number, answer: RegExp][] = [
  ['nothing that matters', { path: 'description: other,' }, 200, /"served":"first"/],
  [
    'the key is gone',
    { keys: 'other: {roles: [all], secrets: [{hash: "sha256:' + '0'.repeat(64) + '"}]}' },
    401,
    /40102/,
  ],
  [
    'the key is disabled',
    { keys: `waiting: {disabled: true, roles: [all], secrets: [{hash: "${hash}"}]}` },
    401,
    /40102/,
  ],
  [
    'the key has expired',
    { keys: `waiting: {expires: 2001-01-01, roles: [all], secrets: [{hash: "${hash}"}]}` },
    401,
    /40103/,
  ],
  ['the role lost the tool', { role: 'tools: {allow: ["*"], deny: ["delete_*"]}' }, 200, /-32602/],
  ['the role lost all', { role: '' }, 200, /-32602/],
  ['the role lost another tool', { role: 'tools: {allow: ["*"], deny: ["x"]}' }, 200, /"served":"first"/],
  ['the proxy got a ceiling', { proxy: ', tools: {allow: ["get_*"]}' }, 200, /-32602/],
  ['the proxy is at another path', { path: 'path: /other,' }, 404, /40402/],
  ['the proxy takes smaller bodies', { proxy: ', maxBody: 10B' }, 200, /41301/],
  ['the proxy has another upstream', { url: another.url }, 200, /"served":"second"/],
]

t.test('a request whose body comes after a change is judged by the change', async t => {
  for (const [name, next, status, answer] of changes) {
    t.test(name, async t => {
      const gateway = await start(t, config())
      const { socket, seen } = await open(t, gateway, head() + body.slice(0, 20))
      await until(async () => (await gateway.status()).openStreams === 0, 'the gateway runs')
      await change(gateway, config(next))
      const { revision, lastReload } = await gateway.status()
      t.ok(lastReload.successful, JSON.stringify(lastReload))
      socket.write(body.slice(20))
      await until(() => isAnswered(seen()), 'it is answered')
      t.match(seen(), `HTTP/1.1 ${status} `)
      t.match(seen(), answer)
      const executed = upstream.arrivals.length + another.arrivals.length
      t.equal(executed, answer.source.includes('served') ? 1 : 0, 'the call is made only where it still may')
      t.match(await lineOf(gateway), { revision, status })
    })
  }
})

t.test('a body that comes after its key has expired is not executed, without a reload', async t => {
  const expires = new Date(Date.now() + 1500)
  const gateway = await start(
    t,
    config({
      keys: `waiting: {roles: [all], secrets: [{hash: "${hash}", expires: "${expires.toISOString()}"}]}`,
    }),
  )
  const { socket, seen } = await open(t, gateway, head() + body.slice(0, 20))
  await until(() => Date.now() > expires.getTime(), 'the instant has passed')
  socket.write(body.slice(20))
  await until(() => isAnswered(seen()), 'it is answered')
  t.match(seen(), '40103')
  t.equal(upstream.arrivals.length, 0)
})

t.test('bodies that were asked for, and calls behind others, are judged by the change', async t => {
  const gateway = await start(t, config())
  const expecting = await open(t, gateway, head('Expect: 100-continue\r\n'))
  await until(() => expecting.seen().includes('100 Continue'), 'the body is asked for')
  const pipelined = await open(t, gateway, `${head()}${body}${head()}${body.slice(0, 20)}`)
  await until(() => pipelined.seen().includes('"served"'), 'the first call is answered')
  await change(gateway, config({ keys: '' }))
  expecting.socket.write(body)
  pipelined.socket.write(body.slice(20))
  await until(
    () => expecting.seen().includes('40102') && pipelined.seen().includes('40102'),
    'both are refused',
  )
  t.equal(upstream.arrivals.length, 1)
})

t.test('a key that was taken away while its secret was tried is not let in', async t => {
  const { argon2 } = crypto
  let finish: (() => void) | undefined
  crypto.argon2 = ((...all: Parameters<typeof argon2>) => {
    const done = all[2]
    argon2(all[0], all[1], (error, tag) => (finish = () => done(error, tag)))
  }) as typeof argon2
  t.teardown(() => void (crypto.argon2 = argon2))
  const gateway = await start(t, config({ keys: `slow: {roles: [all], secrets: [{hash: "${slowHash}"}]}` }))
  const text = (head() + body).replace(secret, 'hunter2')
  const { seen } = await open(t, gateway, text)
  await until(() => finish, 'the secret is tried')
  await change(gateway, config())
  finish!()
  await until(() => isAnswered(seen()), 'it is answered')
  t.match(seen(), '40102')
  t.equal(upstream.arrivals.length, 0)
})

t.test('a token whose roles were taken away while its issuer was asked is judged without them', async t => {
  const issuer = await startHeld(t)
  const yaml = (pattern: string): string => `
auth:
  sso:
    type: jwt
    issuer: ${new URL(issuer.url).origin}
    audiences: [main]
    introspection: {url: "${issuer.url}", clientId: gatehouse, clientSecret: {env: SECRET}}
    grants: [{roles: [all]}]
roles: {all: {access: {main: {tools: {allow: ["${pattern}"]}}}}}
proxies: {main: {auth: [sso], upstream: {url: "${upstream.url}"}}}
`
  const gateway = await start(t, yaml('*'), { env: { SECRET: 'x'.repeat(40) } })
  const { seen } = await open(t, gateway, (head() + body).replace(secret, 'opaque-token-of-the-issuer'))
  const answer = await until(
    () => issuer.waiting.find(({ req }) => req.url === '/held'),
    'the issuer is asked',
  )
  await change(gateway, yaml('get_*'))
  json(answer, { active: true, aud: 'main', sub: 'ann' })
  await until(() => isAnswered(seen()), 'it is answered')
  t.match(seen(), '-32602')
  t.equal(upstream.arrivals.length, 0)
  t.match(await lineOf(gateway), { revision: (await gateway.status()).revision, principal: /#ann$/ })
})

t.test(
  'a call whose client left while its issuer was asked is not executed, whatever changed meanwhile',
  async t => {
    const [issuer, busy] = [await startHeld(t), await startHeld(t)]
    const yaml = (more = ''): string => `
auth:
  keys: {type: api-key, name: X-Api-Key}
  sso:
    type: jwt
    issuer: ${new URL(issuer.url).origin}
    audiences: [main]
    introspection: {url: "${issuer.url}", clientId: gatehouse, clientSecret: {env: SECRET}}
    grants: [{roles: [all]}]
roles: {all: {access: {"*": {tools: {allow: ["*"]}}}}}
keys: {waiting: {roles: [all], secrets: [{hash: "${hash}"}]}}
proxies:
  busy: {auth: [keys], upstream: {url: "${busy.url}"}}
  main: {auth: [sso, keys], upstream: {url: "${upstream.url}"}}
${more}
`
    const gateway = await start(t, yaml(), { env: { SECRET: 'x'.repeat(40) } })
    const byKey = head().replace('Authorization: Bearer', 'X-Api-Key:')
    const opaque = head().replace(secret, 'opaque-token-of-the-issuer')
    const first = byKey.replace('/main/', '/busy/')
    const { socket } = await open(t, gateway, `${first}${body}${opaque}${body}`)
    const asked = (): ServerResponse | undefined => issuer.waiting.find(({ req }) => req.url === '/held')
    await until(
      () => busy.waiting.length === 1 && asked(),
      'the second waits for the issuer, behind the first',
    )
    socket.destroy()
    const requests = (): number => gateway.lines.filter(line => line['event'] === 'request').length
    await until(() => requests() === 2, 'both are given up')
    await change(gateway, yaml('outbound: {allowedHosts: [a.example]}'))
    json(asked()!, { active: true, aud: 'main', sub: 'ann' })
    const other = await open(t, gateway, byKey + body)
    await until(() => isAnswered(other.seen()), 'another call is answered')
    t.match(other.seen(), '"served":"first"')
    t.equal(upstream.arrivals.length, 1)
  },
)

const withToken = (tokenUrl: string, more = ''): Shape => ({
  proxy: '}, keepAlive: 15s',
  url: `${upstream.url}", auth: {type: client-credentials, tokenUrl: "${tokenUrl}", clientId: g, clientSecret: {env: SECRET}}, timeout: {response: "60s${more}`,
})

t.test('a call that waits for a token of its upstream is not sent once its key is gone', async t => {
  const issuer = await startHeld(t)
  const yaml = (shape: Shape = {}): string => config({ ...withToken(issuer.url), ...shape })
  const env = { SECRET: 'x'.repeat(40) }
  const token = (): void =>
    json(issuer.waiting.shift()!, {
      access_token: 'a-token-of-the-upstream',
      token_type: 'Bearer',
      expires_in: 600,
    })
  for (const [name, next, answer] of [
    ['gone', { keys: '' }, /"id":7,"error":\{"code":40102/],
    ['narrowed', { role: 'tools: {allow: ["get_*"]}' }, /"id":7,"error":\{"code":40301/],
    ['untouched', { proxy: '}, keepAlive: 16s' }, /"served":"first"/],
  ] as const) {
    upstream.arrivals.length = 0
    const gateway = await start(t, yaml(), { env })
    const { seen } = await open(t, gateway, head() + body)
    await until(() => issuer.waiting.length === 1, 'the token is asked for')
    await change(gateway, yaml(next))
    t.ok((await gateway.status()).lastReload.successful)
    token()
    await until(() => isAnswered(seen()), 'it is answered')
    t.match(seen(), answer, name)
    t.equal(upstream.arrivals.length, name === 'untouched' ? 1 : 0, name)
    if (name === 'gone') t.match(seen(), /www-authenticate: Bearer .*error="invalid_token"/i)
    if (name !== 'untouched') {
      t.match(await lineOf(gateway), { decision: 'deny', revision: (await gateway.status()).revision })
    }
  }
})

t.test('a call is not sent again with another token once its key is gone', async t => {
  const issuer = await startHeld(t)
  const refusing = await startTestUpstream((_, response) => json(response, {}, 401))
  t.teardown(refusing.close)
  const shape = withToken(issuer.url)
  const yaml = (more: Shape = {}): string =>
    config({ ...shape, url: shape.url!.replace(upstream.url, refusing.url), ...more })
  const gateway = await start(t, yaml(), { env: { SECRET: 'x'.repeat(40) } })
  const { seen } = await open(t, gateway, head() + body)
  const token = async (name: string): Promise<void> => {
    await until(() => issuer.waiting.length === 1, 'a token is asked for')
    json(issuer.waiting.shift()!, { access_token: name, token_type: 'Bearer', expires_in: 600 })
  }
  await token('first')
  await until(() => issuer.waiting.length === 1, 'another token is asked for')
  t.equal(refusing.arrivals.length, 1)
  await change(gateway, yaml({ keys: '' }))
  await token('second')
  await until(() => isAnswered(seen()), 'it is answered')
  t.match(seen(), '40102')
  t.equal(refusing.arrivals.length, 1)
})

t.test('a call that is given up while its connection opens is not sent', async t => {
  const pool = createPool(upstream.url, { connectTimeout: 5000, keepAlive: 5000 })
  t.teardown(() => pool.close())
  const call = {
    path: '/mcp',
    method: 'POST',
    headers: [],
    body: Buffer.from(body),
    headersTimeout: 0,
    bodyTimeout: 0,
  } as const
  let offers = 0
  const error = await new Promise<Error>(resolve => {
    pool.dispatch(
      { ...call, headers: [] },
      {
        onRequestStart(controller) {
          if (++offers === 2) controller.abort(new Error('no longer allowed'))
        },
        onResponseError: (_, error) => resolve(error),
      },
    )
  })
  t.match(error.message, 'no longer allowed')
  t.equal(upstream.arrivals.length, 0)
})
