import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readChecked } from '../gateway/config/checked.ts'
import { TokenUnavailable } from '../gateway/http/tokens.ts'
import { startGateway as startGatewayOn } from '../gateway/runtime/gateway.ts'
import { createOutbound } from '../gateway/runtime/outbound.ts'
import { requestToken } from '../gateway/runtime/token-endpoint.ts'
import { createTokenSource } from '../gateway/runtime/token-source.ts'
import { startAuthorizationServer } from './fixtures/authorization-server.ts'
import { hashSecret } from '../gateway/access/key.ts'
import { startTestGateway, type TestGateway } from './fixtures/gateway.ts'
import { until } from './fixtures/until.ts'
import { event, json, messageOf, sse, startTestUpstream, type TestUpstream } from './fixtures/upstream.ts'

const key = 'canary-of-the-caller-0123456789abcdef0123456'
/** With what a form has to encode, so that encoding it wrongly is noticed. */
const clientSecret = 'canary: of+the client/secret% 0123456789abcdef'
const signing = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const clientKey = signing.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string

const server = await startAuthorizationServer([
  { client_id: 'basic', client_secret: clientSecret, token_endpoint_auth_method: 'client_secret_basic' },
  { client_id: 'post', client_secret: clientSecret, token_endpoint_auth_method: 'client_secret_post' },
  {
    client_id: 'signer',
    token_endpoint_auth_method: 'private_key_jwt',
    token_endpoint_auth_signing_alg: 'ES256',
    jwks: { keys: [{ ...signing.publicKey.export({ format: 'jwk' }), kid: 'k1', use: 'sig' }] },
  },
])
t.teardown(server.close)
t.beforeEach(() => {
  server.requests.length = 0
  server.fault = undefined
  server.lifetime = 600
})

/** An upstream that serves whoever brings a token of the server for it; tokens in `revoked` are refused. */
async function startGuarded(t: Test): Promise<TestUpstream & { revoked: Set<string>; tokens: string[] }> {
  const revoked = new Set<string>()
  const tokens: string[] = []
  const upstream = await startTestUpstream((arrival, response) => {
    const [, token = ''] = /^Bearer (.+)$/.exec(arrival.headers.authorization ?? '') ?? []
    tokens.push(token)
    const { id } = messageOf(arrival)
    server.verify(token, upstream.url).then(
      ({ scope, client_id }) => {
        if (revoked.has(token) || revoked.has('*')) json(response, {}, 401)
        else json(response, { jsonrpc: '2.0', id, result: { scope, client: client_id } })
      },
      () => json(response, {}, 401),
    )
  })
  t.teardown(upstream.close)
  return { ...upstream, revoked, tokens }
}

async function startGateway(
  t: Test,
  auth: string,
  url: string,
  environment: Record<string, string> = {},
): Promise<TestGateway> {
  const gateway = await startTestGateway(configuration(auth, url), {
    env: { CLIENT_SECRET: clientSecret, CLIENT_KEY: clientKey, ...environment },
  })
  t.teardown(gateway.close)
  return gateway
}

const configuration = (auth: string, url: string, more = ''): string => `
auth: {keys: {type: api-key}}
roles: {all: {access: {"*": {tools: {allow: ["*"]}}}}}
keys: {caller: {roles: [all], secrets: [{hash: "${hashSecret(key)}"}]}}
proxies:
  main:
    auth: [keys]
    upstream:
      url: ${url}
      auth: {type: client-credentials, ${auth}}
      ${more}
`
const basic = `tokenUrl: "${server.tokenUrl}", clientId: basic, clientSecret: {env: CLIENT_SECRET}`

interface Reply {
  status: number
  result?: Record<string, unknown>
  error?: { code: number; message: string; data: { reason: string } }
  text: string
}
async function call({ url }: { url: string }, proxy = 'main'): Promise<Reply> {
  const response = await fetch(`${url}/${proxy}/mcp`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'get_a' } }),
  })
  const text = await response.text()
  return { status: response.status, text, ...(JSON.parse(text) as object) }
}

function failures({ lines }: TestGateway): unknown[] {
  return lines.filter(line => line['event'] === 'upstream_token_failed').map(line => line['reason'])
}

async function withoutSecrets(t: Test, gateway: TestGateway, replies: Reply[] = []): Promise<void> {
  await until(() => gateway.lines.some(line => line['event'] === 'request'), 'the request was logged')
  const seen = [gateway.logText(), JSON.stringify(await gateway.status()), await gateway.metrics()]
  const said = [...seen, ...replies.map(({ text }) => text)].join('\n')
  const pem = clientKey.split('\n')[1]!
  const encoded = new URLSearchParams({ '': clientSecret }).toString().slice(1)
  for (const secret of [clientSecret, encoded, pem, key, 'eyJ']) t.notOk(said.includes(secret))
}

t.test('the upstream gets a token of its own server, and never the one of the client', async t => {
  const cases = {
    basic: `${basic}, scope: "mcp:read"`,
    post: `${basic.replace('clientId: basic', 'clientId: post')}, method: client_secret_post`,
    signer: `tokenUrl: "${server.tokenUrl}", clientId: signer, privateKey: {env: CLIENT_KEY}, keyId: k1`,
  }
  for (const [client, auth] of Object.entries(cases)) {
    const upstream = await startGuarded(t)
    const gateway = await startGateway(t, auth, upstream.url)
    const reply = await call(gateway)
    t.strictSame(reply.result, client === 'basic' ? { scope: 'mcp:read', client } : { client }, client)
    t.notOk(upstream.arrivals.some(({ rawHeaders }) => rawHeaders.join().includes(key)))
    t.equal(upstream.arrivals[0]!.rawHeaders.filter(text => /^authorization$/i.test(text)).length, 1)
    await withoutSecrets(t, gateway, [reply])
  }
})

t.test('a hundred first calls make one token request, and later calls none', async t => {
  const upstream = await startGuarded(t)
  const gateway = await startGateway(t, basic, upstream.url)
  const replies = await Promise.all(Array.from({ length: 100 }, () => call(gateway)))
  t.ok(replies.every(({ status }) => status === 200))
  t.equal(server.requests.length, 1)
  await call(gateway)
  t.equal(server.requests.length, 1)
})

t.test('the token goes on over a reload, and another secret makes another', async t => {
  const upstream = await startGuarded(t)
  const gateway = await startGateway(t, basic, upstream.url, { OTHER_SECRET: 'not the secret' })
  await call(gateway)
  const { revision } = await gateway.status()
  gateway.write(configuration(basic, upstream.url, 'timeout: {idle: 1m}'))
  const next = await until(async () => {
    const status = await gateway.status()
    return status.revision !== revision && status.revision
  }, 'the change was applied')
  t.equal((await call(gateway)).status, 200)
  t.equal(server.requests.length, 1)
  gateway.write(configuration(basic.replace('CLIENT_SECRET', 'OTHER_SECRET'), upstream.url))
  await until(async () => (await gateway.status()).revision !== next, 'the change was applied')
  t.match(await call(gateway), { status: 502, error: { data: { reason: 'upstream_unreachable' } } })
  t.equal(server.requests.length, 2)
  t.strictSame(failures(gateway), ['token_endpoint_401_invalid_client'])
})

t.test('an open stream ends when the credential of the gateway changes, and not before', async t => {
  const upstream = await startTestUpstream((_arrival, response) => {
    sse(response)
    response.write(event({ jsonrpc: '2.0', method: 'notifications/message', params: {} }))
  })
  t.teardown(upstream.close)
  const gateway = await startGateway(t, basic, upstream.url, { OTHER_SECRET: 'not the secret' })
  const opened = await fetch(`${gateway.url}/main/mcp`, {
    headers: { authorization: `Bearer ${key}`, accept: 'text/event-stream' },
  })
  t.equal(opened.status, 200)
  const { revision } = await gateway.status()
  gateway.write(configuration(basic, upstream.url, 'timeout: {idle: 1m}'))
  await until(async () => (await gateway.status()).revision !== revision, 'the change was applied')
  t.equal((await gateway.status()).openStreams, 1)
  gateway.write(configuration(basic.replace('CLIENT_SECRET', 'OTHER_SECRET'), upstream.url))
  await opened.text().catch(() => '')
  await until(async () => (await gateway.status()).openStreams === 0, 'the stream was over')
})

t.test('a 401 of the upstream is answered once with another token', async t => {
  const upstream = await startGuarded(t)
  const gateway = await startGateway(t, basic, upstream.url)
  await call(gateway)
  const [first = ''] = upstream.tokens
  upstream.revoked.add(first)
  t.match(await call(gateway), { status: 200, result: { client: 'basic' } })
  t.equal(server.requests.length, 2)
  t.equal(upstream.tokens.length, 3)
  t.equal(upstream.tokens[1], first)
  t.not(upstream.tokens[2], first)
  t.equal(upstream.arrivals[2]!.body, upstream.arrivals[1]!.body, 'the same bytes')
})

t.test('a second 401 is an error, and does not wear the token endpoint out', async t => {
  const upstream = await startGuarded(t)
  upstream.revoked.add('*')
  const gateway = await startGateway(t, basic, upstream.url)
  t.match(await call(gateway), { status: 502, error: { data: { reason: 'upstream_invalid' } } })
  t.equal(upstream.tokens.length, 2)
  t.equal(server.requests.length, 2)
  for (let again = 0; again < 3; again++) t.equal((await call(gateway)).status, 502)
  t.equal(server.requests.length, 2, 'not again so soon')
  t.equal(upstream.tokens.length, 5, 'and no call twice')
})

t.test('a token endpoint that fails is a 502 whose reason only the log knows', async t => {
  const faults: [string, (response: ServerResponse) => void, string][] = [
    [
      'that says no',
      response => json(response, { error: 'invalid_scope', error_description: clientSecret }, 400),
      'token_endpoint_400_invalid_scope',
    ],
    [
      'that repeats the secret as its error',
      response => json(response, { error: clientSecret }, 400),
      'token_endpoint_400',
    ],
    ['that is broken', response => json(response, '', 500), 'token_endpoint_500'],
    ['that answers with a page', response => void response.end('<html>'), 'token_answer_no_json'],
    [
      'that redirects',
      response => void response.writeHead(307, { location: '/other' }).end(),
      'token_endpoint_307',
    ],
    [
      'that sends without end',
      response => json(response, `"${'x'.repeat(1_100_000)}"`),
      'token_endpoint_answer_too_large',
    ],
    ['that hangs up', response => void response.destroy(), 'token_endpoint_UND_ERR_SOCKET'],
    [
      'that gives another type',
      response => json(response, { access_token: 'a', token_type: 'DPoP' }),
      'token_type_no_bearer',
    ],
    ['that gives no type', response => json(response, { access_token: 'a' }), 'token_type_no_bearer'],
    ['that gives no token', response => json(response, { token_type: 'Bearer' }), 'access_token_malformed'],
    [
      'that smuggles a header',
      response => json(response, { access_token: 'a\r\nx: y', token_type: 'Bearer' }),
      'access_token_malformed',
    ],
    [
      'that gives what is over',
      response => json(response, { access_token: 'a', token_type: 'Bearer', expires_in: 0 }),
      'expires_in_malformed',
    ],
  ]
  for (const [name, fault, reason] of faults) {
    const upstream = await startGuarded(t)
    const gateway = await startGateway(t, basic, upstream.url)
    server.fault = fault
    const replies = [await call(gateway), await call(gateway)]
    for (const reply of replies) {
      t.match(reply, { status: 502, error: { data: { reason: 'upstream_unreachable' } } }, name)
      t.match(reply.error, { message: /no token/ })
      t.notOk(reply.text.includes('token_'), 'the client is not told why')
    }
    t.strictSame(failures(gateway), [reason], 'asked once, and not again so soon')
    const line = gateway.lines.find(({ event }) => event === 'upstream_token_failed')
    t.match(line, { level: 'warn', clientId: 'basic', tokenUrl: server.tokenUrl, resource: upstream.url })
    const request = gateway.lines.find(({ event }) => event === 'request')
    t.equal(request?.['cause'], reason, 'and the line of the call says so')
    t.equal(upstream.arrivals.length, 0)
    await withoutSecrets(t, gateway, replies)
  }
})

t.test('a token endpoint that is down is a 502, and one that comes back is used', async t => {
  const upstream = await startGuarded(t)
  const nobody = createServer().listen(0, '127.0.0.1')
  await once(nobody, 'listening')
  const { port } = nobody.address() as AddressInfo
  nobody.close()
  await once(nobody, 'close')
  const down = await startGateway(t, basic.replace(/:\d+\/token/, `:${port}/token`), upstream.url)
  t.equal((await call(down)).status, 502)
  t.strictSame(failures(down), ['token_endpoint_ECONNREFUSED'])
  const gateway = await startGateway(t, basic, upstream.url)
  server.fault = response => json(response, '', 503)
  t.equal((await call(gateway)).status, 502)
  server.fault = undefined
  await until(async () => (await call(gateway)).status === 200, 'the pause was over')
})

t.test('a token endpoint that is slow is given up', async t => {
  const stalled: ServerResponse[] = []
  server.fault = response => void stalled.push(response)
  const { fetch, close } = createOutbound(new Set(['127.0.0.1']), { timeout: 50 })
  t.teardown(close)
  await t.rejects(requestToken(fetch, server.tokenUrl, {}, {}), {
    code: /^token_endpoint_.*(?:Timeout|TIMEOUT)/,
  })
  t.equal(stalled.length, 1)
  stalled[0]!.destroy()
})

t.test('a client that leaves while the token is on its way sends nothing upstream', async t => {
  const upstream = await startGuarded(t)
  const gateway = await startGateway(t, basic, upstream.url)
  let release = (): void => {}
  server.fault = response => {
    release = () => json(response, { access_token: 'late', token_type: 'Bearer' })
  }
  const controller = new AbortController()
  const gone = fetch(`${gateway.url}/main/mcp`, {
    method: 'POST',
    signal: controller.signal,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'get_a' } }),
  }).catch(() => {})
  await until(() => server.requests.length === 1, 'the token was asked for')
  controller.abort()
  await gone
  await until(() => gateway.lines.some(line => line['status'] === 499), 'the client was seen leaving')
  server.fault = undefined
  release()
  t.match(await call(gateway), { status: 200 })
  t.equal(upstream.tokens.length, 2, 'both are of the second call')
  t.equal(upstream.tokens[0], 'late')
})

t.test('the example runs against an authorization server and an upstream', async t => {
  const upstream = await startGuarded(t)
  const file = join(import.meta.dirname, '../examples/upstream-oauth/gateway.yaml')
  const keys = `keys: {ann: {roles: [reader], secrets: [{hash: "${hashSecret(key)}"}]}}`
  const text = readFileSync(file, 'utf8')
  t.match(text, /^keys: \{\}$/m)
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-example-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const copy = join(folder, 'gateway.yaml')
  writeFileSync(copy, text.replace(/^keys: \{\}$/m, keys))
  const env = {
    GATEHOUSE_ADDRESS: '127.0.0.1:0',
    GATEHOUSE_ADMIN_ADDRESS: '127.0.0.1:0',
    TOOLS_URL: upstream.url,
    TOKEN_URL: server.tokenUrl,
    CLIENT_ID: 'basic',
    CLIENT_SECRET: clientSecret,
  }
  const gateway = await startGatewayOn({
    load: () => readChecked(copy, { env, now: new Date() }),
    write: () => {},
    watch: false,
  })
  t.teardown(gateway.close)
  t.match(await call(gateway, 'tools'), { status: 200, result: { scope: 'mcp:read', client: 'basic' } })
  t.equal(upstream.arrivals[0]!.headers['x-gatehouse-principal'], 'ann')
  t.equal(upstream.arrivals[0]!.headers['x-gatehouse-roles'], 'reader')
})

/** A source on a clock of its own; tokens are numbered. */
function clocked({ lifetime = 100, failing = false } = {}) {
  let asked = 0
  const state = { now: 0, lifetime, failing, asked: () => asked, failures: [] as string[] }
  const source = createTokenSource(
    async () => {
      asked++
      if (state.failing) throw new TokenUnavailable('down')
      return { value: `t${asked}`, lifetime: state.lifetime }
    },
    ({ code }) => void state.failures.push(code),
    () => state.now,
  )
  return Object.assign(state, { source })
}

t.test('a token is renewed ahead of its end while the one in hand is still used', async t => {
  const cases: [number, number][] = [
    [1000, 800_000],
    [100, 70_000],
    [40, 20_000],
  ]
  for (const [lifetime, refreshAt] of cases) {
    const clock = clocked({ lifetime })
    t.equal(await clock.source.token(), 't1')
    clock.now = refreshAt - 1
    t.equal(await clock.source.token(), 't1')
    t.equal(clock.asked(), 1)
    clock.now = refreshAt
    t.equal(await clock.source.token(), 't1', 'nobody waits')
    t.equal(await clock.source.token(), 't2')
    t.equal(clock.asked(), 2)
  }
})

t.test('a refresh that fails leaves the token in use to its end, with longer and longer pauses', async t => {
  const clock = clocked({ lifetime: 100 })
  await clock.source.token()
  clock.failing = true
  for (let second = 70; second < 100; second += 0.1) {
    clock.now = second * 1000
    t.equal(await clock.source.token(), 't1')
  }
  t.ok(clock.asked() <= 8, `${clock.asked()} requests in 30 s`)
  clock.now = 100_000
  await t.rejects(clock.source.token(), { name: 'TokenUnavailable', code: 'down' })
  clock.failing = false
  clock.now += 30_000
  t.match(await clock.source.token(), /^t\d+$/)
})

t.test('many who were refused with the same token share its successor', async t => {
  const clock = clocked()
  await clock.source.token()
  t.strictSame(
    await Promise.all(Array.from({ length: 50 }, () => clock.source.renew('t1'))),
    Array(50).fill('t2'),
  )
  t.equal(await clock.source.renew('t1'), 't2', 'who comes late too')
  t.equal(clock.asked(), 2)
  t.equal(await clock.source.renew('t2'), undefined)
  clock.now += 10_000
  t.equal(await clock.source.renew('t2'), 't3')
})

t.test('one refused call does not take a good token from the others while there is no other', async t => {
  const clock = clocked({ lifetime: 3600 })
  t.equal(await clock.source.token(), 't1')
  clock.failing = true
  await t.rejects(clock.source.renew('t1'), { code: 'down' })
  t.equal(await clock.source.token(), 't1')
})

t.test('a token without a lifetime is good for five minutes', async t => {
  const answers: [unknown, number][] = [
    [undefined, 300],
    ['120', 120],
    [1e9, 86_400],
  ]
  for (const [expires_in, lifetime] of answers) {
    const text = JSON.stringify({ access_token: 'a', token_type: 'bearer', expires_in })
    const issued = await requestToken(async () => ({ status: 200, text }), 'http://x/', {}, {})
    t.strictSame(issued, { value: 'a', lifetime })
  }
})
