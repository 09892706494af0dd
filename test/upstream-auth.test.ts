import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { TokenUnavailable } from '../gateway/http/exchange/tokens.ts'
import { createOutbound } from '../gateway/oauth/outbound.ts'
import { requestToken } from '../gateway/oauth/token-endpoint.ts'
import { createTokenSource } from '../gateway/oauth/token-source.ts'
import { startAuthorizationServer } from './fixtures/authorization-server.ts'
import { hashSecret } from '../gateway/auth/api-key/key.ts'
import { startExample } from './fixtures/example.ts'
import { startTestGateway, type TestGateway } from './fixtures/gateway.ts'
import { until } from './fixtures/until.ts'
import { event, json, messageOf, sse, startTestUpstream, type TestUpstream } from './fixtures/upstream.ts'
import {
  callWith,
  clientKey,
  clientSecret,
  failures,
  signing,
  withoutSecrets,
  type Reply,
} from './fixtures/upstream-token.ts'

const key = 'canary-of-the-caller-0123456789abcdef0123456'

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

/** Starts an upstream that accepts tokens of the server for it, except those in `revoked`. */
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

const call = ({ url }: { url: string }, proxy = 'main'): Promise<Reply> =>
  callWith(key, `${url}/${proxy}/mcp`)

t.test(
  'the upstream gets a token of its own authorization server, and never the one of the client',
  async t => {
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
      await withoutSecrets(t, gateway, [reply], [key])
    }
  },
)

t.test('a hundred first calls need one token request, and later calls none', async t => {
  const upstream = await startGuarded(t)
  const gateway = await startGateway(t, basic, upstream.url)
  const replies = await Promise.all(Array.from({ length: 100 }, () => call(gateway)))
  t.ok(replies.every(({ status }) => status === 200))
  t.equal(server.requests.length, 1)
  await call(gateway)
  t.equal(server.requests.length, 1)
})

t.test('the token survives a reload, and another secret gets a new one', async t => {
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
  t.match(await call(gateway), { status: 200, error: { data: { reason: 'upstream_unreachable' } } })
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

t.test('after a 401 of the upstream, the call is repeated once with another token', async t => {
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

t.test('a second 401 is an error, and does not flood the token endpoint', async t => {
  const upstream = await startGuarded(t)
  upstream.revoked.add('*')
  const gateway = await startGateway(t, basic, upstream.url)
  t.match(await call(gateway), { status: 200, error: { data: { reason: 'upstream_invalid' } } })
  t.equal(upstream.tokens.length, 2)
  t.equal(server.requests.length, 2)
  for (let again = 0; again < 3; again++)
    t.equal((await call(gateway)).error?.data.reason, 'upstream_invalid')
  t.equal(server.requests.length, 2, 'not again so soon')
  t.equal(upstream.tokens.length, 5, 'and no call twice')
})

t.test('a failure of the token endpoint is an error, and only the log has the reason', async t => {
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
      t.match(reply, { status: 200, error: { data: { reason: 'upstream_unreachable' } } }, name)
      t.match(reply.error, { message: /no token/ })
      t.notOk(reply.text.includes('token_'), 'the client is not told why')
    }
    t.strictSame(failures(gateway), [reason], 'asked once, and not again so soon')
    const line = gateway.lines.find(({ event }) => event === 'upstream_token_failed')
    t.match(line, { level: 'warn', clientId: 'basic', tokenUrl: server.tokenUrl, resource: upstream.url })
    const request = gateway.lines.find(({ event }) => event === 'request')
    t.equal(request?.['cause'], reason, 'and the line of the call says so')
    t.equal(upstream.arrivals.length, 0)
    await withoutSecrets(t, gateway, replies, [key])
  }
})

t.test('an unavailable token endpoint is an error, and is used again once it works', async t => {
  const upstream = await startGuarded(t)
  const nobody = createServer().listen(0, '127.0.0.1')
  await once(nobody, 'listening')
  const { port } = nobody.address() as AddressInfo
  nobody.close()
  await once(nobody, 'close')
  const down = await startGateway(t, basic.replace(/:\d+\/token/, `:${port}/token`), upstream.url)
  t.equal((await call(down)).error?.data.reason, 'upstream_unreachable')
  t.strictSame(failures(down), ['token_endpoint_ECONNREFUSED'])
  const gateway = await startGateway(t, basic, upstream.url)
  server.fault = response => json(response, '', 503)
  t.equal((await call(gateway)).error?.data.reason, 'upstream_unreachable')
  server.fault = undefined
  await until(async () => (await call(gateway)).status === 200, 'the pause was over')
})

t.test('a slow token endpoint times out', async t => {
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

t.test('nothing is sent upstream for a client that leaves while the token is requested', async t => {
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
  const gateway = await startExample(t, copy, {
    TOOLS_URL: upstream.url,
    TOKEN_URL: server.tokenUrl,
    CLIENT_ID: 'basic',
    CLIENT_SECRET: clientSecret,
  })
  t.match(await call(gateway, 'tools'), { status: 200, result: { scope: 'mcp:read', client: 'basic' } })
  t.equal(upstream.arrivals[0]!.headers['x-gatehouse-principal'], 'ann')
  t.equal(upstream.arrivals[0]!.headers['x-gatehouse-roles'], 'reader')
})

/** Makes a source with a clock of its own; tokens are numbered. */
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

t.test('a token is renewed early while the current one is still in use', async t => {
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

t.test(
  'a failed renewal leaves the token in use until its end, with increasing pauses between attempts',
  async t => {
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
  },
)

t.test('requests that were refused with the same token share the next one', async t => {
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

t.test('one refused call does not take a valid token from the others while there is no new one', async t => {
  const clock = clocked({ lifetime: 3600 })
  t.equal(await clock.source.token(), 't1')
  clock.failing = true
  await t.rejects(clock.source.renew('t1'), { code: 'down' })
  t.equal(await clock.source.token(), 't1')
})

t.test('a token without a lifetime is valid for five minutes', async t => {
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

type Documents = Record<string, unknown>

const ofResource = '/.well-known/oauth-protected-resource/mcp'
const ofHost = '/.well-known/oauth-protected-resource'
const ofIssuer = '/.well-known/oauth-authorization-server/as'

/**
 * An upstream with an authorization server on the same host, both described as they should be. A document that is a
 * function answers by itself; `challenge` goes with every 401.
 */
async function startDescribed(
  t: Test,
  change: (origin: string, documents: Documents) => Documents = () => ({}),
): Promise<TestUpstream> {
  const upstream = await startTestUpstream((arrival, response) => {
    const { host, authorization } = arrival.headers
    const origin = `http://${host}`
    const usual: Documents = {
      [ofResource]: { resource: `${origin}/mcp`, authorization_servers: [`${origin}/as`] },
      [ofIssuer]: { issuer: `${origin}/as`, token_endpoint: `${origin}/token` },
      '/token': { access_token: 'eyJ-found', token_type: 'Bearer', expires_in: 600 },
      challenge: 'Bearer scope="everything"',
    }
    const documents = { ...usual, ...change(origin, usual) }
    const document = documents[arrival.url]
    const { id } = messageOf(arrival.url.startsWith('/mcp') ? arrival : { ...arrival, body: '' })
    if (typeof document === 'function') (document as (response: ServerResponse) => void)(response)
    else if (document !== undefined) json(response, document)
    else if (!arrival.url.startsWith('/mcp')) json(response, {}, 404)
    else if (authorization === 'Bearer eyJ-found') json(response, { jsonrpc: '2.0', id, result: {} })
    else json(response, {}, 401, { 'www-authenticate': documents['challenge'] as string })
  })
  t.teardown(upstream.close)
  return upstream
}

const found = 'clientId: basic, clientSecret: {env: CLIENT_SECRET}'
const signed = 'clientId: signer, privateKey: {env: CLIENT_KEY}'
const seen = ({ arrivals }: TestUpstream): string[] => arrivals.map(({ method, url }) => `${method} ${url}`)

t.test('without a token URL, the authorization server of the upstream is discovered and used', async t => {
  const cases = {
    'a secret': found,
    'a secret, and the issuer named': `issuer: "${server.issuer}", scope: "mcp:read", ${found}`,
    'a secret in the body': 'clientId: post, clientSecret: {env: CLIENT_SECRET}, method: client_secret_post',
    'a key': `${signed}, keyId: k1`,
  }
  for (const [name, auth] of Object.entries(cases)) {
    server.requests.length = 0
    const tokens: string[] = []
    const upstream = await startTestUpstream((arrival, response) => {
      const resource = `http://${arrival.headers.host}/mcp`
      const [, token = ''] = /^Bearer (.+)$/.exec(arrival.headers.authorization ?? '') ?? []
      if (arrival.url === ofResource) json(response, { resource, authorization_servers: [server.issuer] })
      else if (token === '') json(response, {}, 401)
      else json(response, { jsonrpc: '2.0', id: messageOf(arrival).id, result: {} })
      if (token !== '') tokens.push(token)
    })
    t.teardown(upstream.close)
    const gateway = await startGateway(t, auth, upstream.url)
    const replies = await Promise.all([call(gateway), call(gateway)])
    t.strictSame(
      replies.map(({ status }) => status),
      [200, 200],
      name,
    )
    t.strictSame(seen(upstream).slice(0, 2), ['POST /mcp', `GET ${ofResource}`], 'asked once')
    t.equal(upstream.arrivals.length, 4)
    t.equal(server.requests.length, 1)
    t.match(await server.verify(tokens[0]!, upstream.url), {
      client_id: auth.match(/clientId: (\w+)/)?.[1],
    })
    const line = gateway.lines.find(({ event }) => event === 'upstream_issuer_discovered')
    t.match(line, { issuer: server.issuer, tokenUrl: server.tokenUrl, resource: upstream.url })
    await withoutSecrets(t, gateway, replies, [key])
  }
})

t.test('metadata is at the URL in the challenge, or else at the path or the root of the host', async t => {
  const issuers = (origin: string): { authorization_servers: string[] } => ({
    authorization_servers: [`${origin}/as`],
  })
  const cases: Record<string, (origin: string) => Documents> = {
    challenge: origin => ({
      challenge: `Bearer scope="a", resource_metadata="${origin}/where?it=is"`,
      [ofResource]: { resource: 'https://trap.example.com', ...issuers(origin) },
      '/where?it=is': { resource: `${origin}/mcp`, ...issuers(origin) },
      [ofHost]: { resource: 'https://trap.example.com', ...issuers(origin) },
    }),
    path: () => ({}),
    root: origin => ({ [ofResource]: undefined, [ofHost]: { resource: origin, ...issuers(origin) } }),
  }
  for (const [name, documents] of Object.entries(cases)) {
    const upstream = await startDescribed(t, documents)
    const gateway = await startGateway(t, found, `${upstream.url}?tenant=7`)
    t.equal((await call(gateway)).status, 200, name)
    const asked = upstream.arrivals.find(({ url }) => url === '/token')!
    const resource = name === 'root' ? new URL(upstream.url).origin : upstream.url
    t.strictSame(Object.fromEntries(new URLSearchParams(asked.body)), {
      grant_type: 'client_credentials',
      resource,
    })
  }
})

t.test('no resource is sent beside an audience, or if the file says none', async t => {
  const upstream = await startDescribed(t)
  const { origin } = new URL(upstream.url)
  const named = `tokenUrl: "${origin}/token", clientId: basic, clientSecret: {env: CLIENT_SECRET}`
  const cases: [more: string, parameters: object][] = [
    ['', { resource: upstream.url }],
    [', audience: tools', { audience: 'tools' }],
    [', resource: none, scope: api://tools/.default', { scope: 'api://tools/.default' }],
    [', resource: none, audience: tools', { audience: 'tools' }],
    [`, resource: "${upstream.url}", audience: tools`, { resource: upstream.url, audience: 'tools' }],
  ]
  for (const [more, parameters] of cases) {
    for (const auth of [named, found]) {
      upstream.arrivals.length = 0
      const gateway = await startGateway(t, auth + more, upstream.url)
      t.equal((await call(gateway)).status, 200, auth + more)
      const { body } = upstream.arrivals.find(({ url }) => url === '/token')!
      t.strictSame(
        Object.fromEntries(new URLSearchParams(body)),
        { grant_type: 'client_credentials', ...parameters },
        auth + more,
      )
    }
  }
})

t.test('an upstream is probed like a call, but without a token', async t => {
  const upstream = await startDescribed(t)
  const presented = `headers: {X-Key: {env: OTHER_SECRET}}
      query: {q: {value: z}}`
  const gateway = await startTestGateway(configuration(found, upstream.url, presented), {
    env: { CLIENT_SECRET: clientSecret, OTHER_SECRET: 'of the upstream' },
  })
  t.teardown(gateway.close)
  t.equal((await call(gateway)).status, 200)
  const [question, metadata] = upstream.arrivals
  t.match(question, { method: 'POST', url: '/mcp?q=z', headers: { 'x-key': 'of the upstream' } })
  t.equal(messageOf(question!).method, 'tools/list')
  t.equal(metadata!.headers['x-key'], undefined)
  const before = upstream.arrivals.filter(({ url }) => url !== '/token').slice(0, 3)
  t.ok(before.every(({ headers }) => headers.authorization === undefined))
})

t.test(
  'a secret is sent in a way that the authorization server accepts, unless the file says how',
  async t => {
    const cases: [string[] | undefined, string, string][] = [
      [undefined, '', 'basic'],
      [['client_secret_post', 'client_secret_basic'], '', 'basic'],
      [['private_key_jwt', 'client_secret_post'], '', 'post'],
      [['client_secret_post'], ', method: client_secret_basic', 'basic'],
    ]
    for (const [methods, more, how] of cases) {
      const upstream = await startDescribed(t, (_origin, documents) => ({
        [ofIssuer]: { ...(documents[ofIssuer] as object), token_endpoint_auth_methods_supported: methods },
      }))
      const gateway = await startGateway(t, found + more, upstream.url)
      t.equal((await call(gateway)).status, 200)
      const { headers, body } = upstream.arrivals.find(({ url }) => url === '/token')!
      t.equal(headers.authorization?.startsWith('Basic ') ?? false, how === 'basic')
      t.equal(new URLSearchParams(body).has('client_secret'), how === 'post')
    }
  },
)

t.test('discovered metadata that does not match is refused, and no secret is sent there', async t => {
  type Change = (origin: string, documents: Documents) => Documents
  const resource =
    (more: (origin: string) => object): Change =>
    (origin, documents) => ({ [ofResource]: { ...(documents[ofResource] as object), ...more(origin) } })
  const issuer =
    (more: (origin: string) => object): Change =>
    (origin, documents) => ({ [ofIssuer]: { ...(documents[ofIssuer] as object), ...more(origin) } })
  const offering = (url: string): Change => resource(() => ({ authorization_servers: [url] }))
  const answering =
    (path: string, answer: (response: ServerResponse) => void): Change =>
    () => ({ [path]: answer })
  const onPort = (origin: string, host: string): string => origin.replace('127.0.0.1', host)
  const cases: [string, Change, string, string?][] = [
    ['another resource', resource(() => ({ resource: 'https://evil.example.com/mcp' })), 'resource_mismatch'],
    ['the whole host', resource(origin => ({ resource: origin })), 'resource_mismatch'],
    [
      'not what the file says',
      () => ({}),
      'resource_mismatch',
      `resource: "https://a.example.com", ${found}`,
    ],
    ['another issuer', issuer(() => ({ issuer: 'https://evil.example.com' })), 'issuer_mismatch'],
    ['an issuer with a slash', issuer(origin => ({ issuer: `${origin}/as/` })), 'issuer_mismatch'],
    ['not the issuer of the file', () => ({}), 'issuer_not_offered', `issuer: "${server.issuer}", ${found}`],
    [
      'an issuer on another host, and a secret',
      (origin, documents) =>
        resource(() => ({ authorization_servers: [onPort(origin, 'localhost')] }))(origin, documents),
      'issuer_not_pinned',
    ],
    ['an issuer in clear', offering('http://idp.example.com'), 'issuer_insecure', signed],
    ['an issuer with a password', offering('https://a:b@idp.example.com'), 'issuer_insecure', signed],
    ['an issuer that is no URL', offering('idp'), 'issuer_insecure', signed],
    ['an internal issuer', offering('https://10.0.0.1'), 'issuer_metadata_host_not_named', signed],
    ['a cloud', offering('https://169.254.169.254/latest'), 'issuer_metadata_host_not_named', signed],
    [
      'loopback under another name',
      (origin, documents) => offering(onPort(origin, 'localhost'))(origin, documents),
      'issuer_metadata_host_not_named',
      signed,
    ],
    [
      'an internal endpoint',
      issuer(() => ({ token_endpoint: 'https://[fd00::1]/t' })),
      'token_endpoint_host_not_named',
    ],
    [
      'an endpoint in clear',
      issuer(() => ({ token_endpoint: 'http://idp.example.com/t' })),
      'token_endpoint_insecure',
    ],
    ['no endpoint', issuer(() => ({ token_endpoint: undefined })), 'token_endpoint_missing'],
    [
      'only public clients',
      issuer(() => ({ token_endpoint_auth_methods_supported: ['none'] })),
      'client_secret_not_taken',
    ],
    [
      'metadata elsewhere',
      () => ({ challenge: 'Bearer resource_metadata="http://127.0.0.1:1/m"' }),
      'resource_metadata_elsewhere',
    ],
    [
      'metadata of a file',
      () => ({ challenge: 'Bearer resource_metadata="file:///etc/passwd"' }),
      'resource_metadata_elsewhere',
    ],
    ['no metadata', () => ({ [ofResource]: undefined }), 'resource_metadata_404'],
    [
      'a redirect',
      answering(ofResource, response => void response.writeHead(307, { location: '/as' }).end()),
      'resource_metadata_404',
    ],
    [
      'no JSON',
      answering(ofResource, response => void response.end('<html>')),
      'resource_metadata_malformed',
    ],
    ['nothing', answering(ofResource, response => json(response, 'null')), 'resource_metadata_malformed'],
    ['no issuers', resource(() => ({ authorization_servers: undefined })), 'resource_metadata_malformed'],
    ['a list of none', resource(() => ({ authorization_servers: [] })), 'resource_metadata_malformed'],
    [
      'no end',
      answering(ofResource, response => json(response, `"${'x'.repeat(1_100_000)}"`)),
      'resource_metadata_answer_too_large',
    ],
    [
      'a hang-up',
      answering(ofResource, response => void response.destroy()),
      'resource_metadata_UND_ERR_SOCKET',
    ],
    ['an issuer without metadata', () => ({ [ofIssuer]: undefined }), 'issuer_metadata_missing'],
    [
      'an issuer that redirects',
      answering(ofIssuer, response => void response.writeHead(302, { location: '/token' }).end()),
      'issuer_metadata_missing',
    ],
    [
      'an issuer without JSON',
      answering(ofIssuer, response => void response.end('no')),
      'issuer_metadata_malformed',
    ],
  ]
  for (const [name, change, reason, auth = found] of cases) {
    await t.test(name, async t => {
      const upstream = await startDescribed(t, change)
      const gateway = await startGateway(t, auth, upstream.url)
      const reply = await call(gateway)
      t.match(reply, { status: 200, error: { data: { reason: 'upstream_unreachable' } } })
      await until(() => failures(gateway).length > 0, 'it was logged')
      t.strictSame(failures(gateway), [reason])
      t.ok(upstream.arrivals.every(({ headers }) => headers.authorization === undefined))
      t.notOk(seen(upstream).includes('POST /token'))
      await withoutSecrets(t, gateway, [reply], [key])
    })
  }
})

t.test('missing metadata is requested again, and kept over a reload once it is found', async t => {
  let away = true
  const upstream = await startDescribed(t, () =>
    away ? { [ofIssuer]: (response: ServerResponse) => json(response, '', 503) } : {},
  )
  const gateway = await startGateway(t, found, upstream.url)
  t.equal((await call(gateway)).error?.data.reason, 'upstream_unreachable')
  await until(() => failures(gateway).length > 0, 'it was logged')
  t.strictSame(failures(gateway), ['issuer_metadata_missing'])
  away = false
  await until(async () => (await call(gateway)).status === 200, 'the pause was over')
  const asked = (): number => seen(upstream).filter(request => request === `GET ${ofResource}`).length
  const before = asked()
  const { revision } = await gateway.status()
  gateway.write(configuration(found, upstream.url, 'timeout: {idle: 1m}'))
  const next = await until(async () => {
    const status = await gateway.status()
    return status.revision !== revision && status.revision
  }, 'the change was applied')
  t.equal((await call(gateway)).status, 200)
  t.equal(asked(), before)
  gateway.write(configuration(`issuer: "${server.issuer}", ${found}`, upstream.url))
  await until(async () => (await gateway.status()).revision !== next, 'the change was applied')
  t.equal(
    (await call(gateway)).error?.data.reason,
    'upstream_unreachable',
    'another issuer is another source',
  )
  await until(() => failures(gateway).at(-1) === 'issuer_not_offered', 'it was logged')
})

t.test('an upstream cannot fill the log with its metadata', async t => {
  let asked = 0
  const upstream = await startDescribed(t, origin => ({
    [ofIssuer]: {
      issuer: `${origin}/as`,
      token_endpoint: `${origin}/token#${asked++}${'x'.repeat(900_000)}`,
    },
    '/token': { access_token: 'eyJ-found', token_type: 'Bearer', expires_in: 0.001 },
  }))
  const gateway = await startGateway(t, found, upstream.url)
  for (let index = 0; index < 3; index++) t.equal((await call(gateway)).status, 200)
  t.ok(asked > 1)
  const line = gateway.lines.find(({ event }) => event === 'upstream_issuer_discovered')
  t.match(line?.['tokenUrl'], /^http:\/\/127\.0\.0\.1:\d+\/token#\d+x+$/)
  t.ok(gateway.logText().length < 10_000)
})

t.test('a credential stays with the issuer that accepted it first', async t => {
  let migrated = false
  const upstream = await startDescribed(t, (origin, documents) => ({
    ...(migrated && {
      [ofResource]: { ...(documents[ofResource] as object), authorization_servers: [`${origin}/b`] },
    }),
    '/.well-known/oauth-authorization-server/b': {
      issuer: `${origin}/b`,
      token_endpoint: `${origin}/token-b`,
    },
    '/mcp': migrated ? (response: ServerResponse) => json(response, {}, 401) : undefined,
  }))
  const gateway = await startGateway(t, found, upstream.url)
  t.equal((await call(gateway)).status, 200)
  migrated = true
  t.equal((await call(gateway)).error?.data.reason, 'upstream_unreachable')
  await until(() => failures(gateway).length > 0, 'it was logged')
  t.strictSame(failures(gateway), ['issuer_not_offered'])
  t.notOk(seen(upstream).some(request => request.includes('/b')))
  const { revision } = await gateway.status()
  gateway.write(configuration(`issuer: "${upstream.url.replace('/mcp', '/b')}", ${found}`, upstream.url))
  await until(async () => (await gateway.status()).revision !== revision, 'the change was applied')
  await call(gateway)
  t.ok(seen(upstream).includes('POST /token-b'), 'unless the file says so')
})
