import { readFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import { jwtVerify } from 'jose'
import t, { type Test } from 'tap'
import { hashSecret } from '../gateway/auth/api-key/key.ts'
import { loadHandover } from '../gateway/config/load-handover.ts'
import { TokenUnavailable, type EndpointAnswer, type Subject } from '../gateway/http/exchange/tokens.ts'
import { startGateway as startGatewayOn } from '../gateway/runtime/gateway.ts'
import { createTokenExchange } from '../gateway/oauth/token-exchange.ts'
import { startAuthorizationServer } from './fixtures/authorization-server.ts'
import { startExample } from './fixtures/example.ts'
import { exchanged, startExchangeEndpoint } from './fixtures/exchange-endpoint.ts'
import { startTestGateway, type TestGateway } from './fixtures/gateway.ts'
import { createIssuerKey, signToken, startTestIssuer } from './fixtures/issuer.ts'
import { startMock } from './fixtures/mock.ts'
import { createMemoryProvider, logIn, publicClient } from './fixtures/oauth-client.ts'
import { accessTokenType, exchangeGrant } from './fixtures/token-exchange.ts'
import { until } from './fixtures/until.ts'
import { answerOrStream, json, messageOf, startTestUpstream, type TestUpstream } from './fixtures/upstream.ts'
import {
  callWith,
  clientKey,
  clientSecret,
  failures,
  signing,
  withoutSecrets,
  type Reply,
} from './fixtures/upstream-token.ts'
import { startWire } from './fixtures/wire.ts'
import type { Config } from '../schema/config.ts'

const jwtType = 'urn:ietf:params:oauth:token-type:jwt'

const issuerKey = await createIssuerKey('ES256', 'one')
const issuer = await startTestIssuer([issuerKey])
t.teardown(issuer.close)
const endpoint = await startExchangeEndpoint()
t.teardown(endpoint.close)
t.beforeEach(() => {
  endpoint.asked.length = 0
  endpoint.instead = () => false
  endpoint.lifetime = 600
})

let serial = 0
/** Makes a token of a caller for the gateway; each is different. */
function tokenOf(sub: string, lives = 600): Promise<string> {
  const exp = Math.floor(Date.now() / 1000) + lives
  return signToken(issuerKey, { iss: issuer.url, aud: 'gatehouse', sub, exp, jti: String(serial++) })
}

interface Guarded extends TestUpstream {
  /** Tokens that it has received so far. */
  readonly tokens: string[]
  /** Tokens that it refuses. */
  readonly revoked: Set<string>
}
async function startGuarded(t: Test): Promise<Guarded> {
  const tokens: string[] = []
  const revoked = new Set<string>()
  const upstream = await startTestUpstream((arrival, response) => {
    const [, token = ''] = /^Bearer (issued-.+)$/.exec(arrival.headers.authorization ?? '') ?? []
    tokens.push(token)
    if (token === '' || revoked.has(token) || revoked.has('*')) return json(response, {}, 401)
    if (arrival.method === 'GET') return answerOrStream({ ...arrival, body: stream }, response)
    return json(response, { jsonrpc: '2.0', id: messageOf(arrival).id, result: { token } })
  })
  t.teardown(upstream.close)
  return { ...upstream, tokens, revoked }
}
const stream = JSON.stringify({ params: { name: 'get_stream' } })

const proof = 'clientId: "gate:house", clientSecret: {env: CLIENT_SECRET}'
const configuration = (
  url: string,
  { auth = proof, more = '', tokenUrl = endpoint.tokenUrl } = {},
): string => `
auth: {sso: {type: jwt, issuer: "${issuer.url}", audiences: [gatehouse], grants: [{roles: [all]}]}}
roles: {all: {access: {"*": {tools: {allow: ["*"]}}}}}
proxies:
  main:
    auth: [sso]
    upstream:
      url: ${url}
      auth: {type: token-exchange, tokenUrl: "${tokenUrl}", ${auth}}
      ${more}
`
async function startGateway(t: Test, yaml: string): Promise<TestGateway> {
  const gateway = await startTestGateway(yaml, {
    env: { CLIENT_SECRET: clientSecret, CLIENT_KEY: clientKey },
  })
  t.teardown(gateway.close)
  return gateway
}

const call = ({ url }: { url: string }, token: string): Promise<Reply> => callWith(token, `${url}/main/mcp`)

/** Issued tokens must not be logged either; the upstream of these tests answers with them. */
async function withoutTokens(t: Test, gateway: TestGateway, replies: readonly Reply[] = []): Promise<void> {
  await withoutSecrets(t, gateway, replies)
  await withoutSecrets(t, gateway, [], ['issued-'])
}

async function reload(gateway: TestGateway, yaml: string): Promise<void> {
  const { revision } = await gateway.status()
  gateway.write(yaml)
  await until(async () => (await gateway.status()).revision !== revision, 'the change was applied')
}

t.test('the authorization server gets exactly the parameters in the file', async t => {
  const upstream = await startGuarded(t)
  const target = `${upstream.url}?tenant=7`
  const common = {
    grant_type: exchangeGrant,
    subject_token_type: accessTokenType,
    requested_token_type: accessTokenType,
  }
  const pair = `gate%3Ahouse:${new URLSearchParams({ '': clientSecret }).toString().slice(1)}`
  const basic = `Basic ${Buffer.from(pair).toString('base64')}`
  const cases: [string, object, string | undefined][] = [
    [proof, { resource: upstream.url }, basic],
    [`${proof}, audience: tools`, { audience: 'tools' }, basic],
    [`${proof}, resource: none`, {}, basic],
    [
      `${proof}, audience: tools, resource: "urn:tools", scope: "mcp:read mcp:call", requestedTokenType: jwt`,
      { audience: 'tools', resource: 'urn:tools', scope: 'mcp:read mcp:call', requested_token_type: jwtType },
      basic,
    ],
    [
      `${proof}, method: client_secret_post`,
      { resource: upstream.url, client_id: 'gate:house', client_secret: clientSecret },
      undefined,
    ],
    [
      'clientId: signer, privateKey: {env: CLIENT_KEY}, keyId: k1',
      {
        resource: upstream.url,
        client_id: 'signer',
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      },
      undefined,
    ],
  ]
  for (const [auth, parameters, authorization] of cases) {
    const gateway = await startGateway(t, configuration(target, { auth }))
    const token = await tokenOf('ann')
    const reply = await call(gateway, token)
    t.match(reply, { status: 200, result: { token: /^issued-\d+-ann$/ } }, auth)
    const { form, headers } = endpoint.asked.at(-1)!
    const { client_assertion: assertion, ...others } = form
    t.strictSame({ ...others }, { ...common, subject_token: token, ...parameters }, auth)
    t.equal(headers.authorization, authorization)
    t.equal(headers['content-type'], 'application/x-www-form-urlencoded')
    if (auth.includes('signer')) {
      const { payload } = await jwtVerify(assertion!, signing.publicKey, { audience: endpoint.tokenUrl })
      t.match(payload, { iss: 'signer', sub: 'signer' })
    } else t.equal(assertion, undefined)
    await withoutTokens(t, gateway, [reply])
  }
})

t.test(
  'every caller reaches the upstream with a token of its own, and never with the one that it sent',
  async t => {
    const upstream = await startGuarded(t)
    const gateway = await startGateway(t, configuration(upstream.url))
    const callers = ['ann', 'bob', 'ann', 'bob']
    const tokens: Record<string, string> = { ann: await tokenOf('ann'), bob: await tokenOf('bob') }
    for (const name of callers)
      t.match(await call(gateway, tokens[name]!), { result: { token: new RegExp(`-${name}$`) } })
    t.equal(endpoint.asked.length, 2)
    const sent = upstream.arrivals.map(({ rawHeaders, url, body }) => [...rawHeaders, url, body].join('\n'))
    for (const token of Object.values(tokens)) t.notOk(sent.join('\n').includes(token))
    t.ok(
      upstream.arrivals.every(
        ({ rawHeaders }) => rawHeaders.filter(one => /^authorization$/i.test(one)).length === 1,
      ),
    )
    t.match(
      await call(gateway, await tokenOf('ann')),
      { result: { token: 'issued-3-ann' } },
      'another token, another exchange',
    )
  },
)

t.test('a hundred first calls of a caller need one exchange, and later calls none', async t => {
  const upstream = await startGuarded(t)
  const gateway = await startGateway(t, configuration(upstream.url))
  const token = await tokenOf('ann')
  const replies = await Promise.all(Array.from({ length: 100 }, () => call(gateway, token)))
  t.ok(replies.every(({ status }) => status === 200))
  t.equal(endpoint.asked.length, 1)
  t.match(await call(gateway, token), { result: { token: 'issued-1-ann' } })
  t.equal(endpoint.asked.length, 1)
})

t.test('tokens survive a reload, and another audience gets new ones', async t => {
  const upstream = await startGuarded(t)
  const gateway = await startGateway(t, configuration(upstream.url))
  const token = await tokenOf('ann')
  await call(gateway, token)
  await reload(gateway, configuration(upstream.url, { more: 'timeout: {idle: 1m}' }))
  t.match(await call(gateway, token), { result: { token: 'issued-1-ann' } })
  t.equal(endpoint.asked.length, 1)
  await reload(gateway, configuration(upstream.url, { auth: `${proof}, audience: other` }))
  t.match(await call(gateway, token), { result: { token: 'issued-2-ann' } })
  t.equal(endpoint.asked[1]!.form['audience'], 'other')
})

t.test('an open stream ends when the audience changes, and not before', async t => {
  const upstream = await startGuarded(t)
  const gateway = await startGateway(t, configuration(upstream.url))
  const token = await tokenOf('ann')
  const opened = await fetch(`${gateway.url}/main/mcp`, {
    headers: { authorization: `Bearer ${token}`, accept: 'text/event-stream' },
  })
  t.equal(opened.status, 200)
  t.strictSame(upstream.tokens, ['issued-1-ann'])
  await reload(gateway, configuration(upstream.url, { more: 'timeout: {idle: 1m}' }))
  t.equal((await gateway.status()).openStreams, 1)
  await reload(gateway, configuration(upstream.url, { auth: `${proof}, audience: other` }))
  await opened.text().catch(() => '')
  await until(async () => (await gateway.status()).openStreams === 0, 'the stream was over')
  await withoutTokens(t, gateway)
})

t.test(
  'after a 401 of the upstream, the call is repeated once with another token of the same caller',
  async t => {
    const upstream = await startGuarded(t)
    const gateway = await startGateway(t, configuration(upstream.url))
    const [ann, bob] = [await tokenOf('ann'), await tokenOf('bob')]
    await call(gateway, ann)
    await call(gateway, bob)
    upstream.revoked.add('issued-1-ann')
    t.match(await call(gateway, ann), { status: 200, result: { token: 'issued-3-ann' } })
    t.match(await call(gateway, bob), { status: 200, result: { token: 'issued-2-bob' } })
    t.equal(endpoint.asked.length, 3)
    upstream.revoked.add('*')
    upstream.tokens.length = 0
    t.match(await call(gateway, bob), { status: 200, error: { data: { reason: 'upstream_invalid' } } })
    for (let again = 0; again < 3; again++)
      t.equal((await call(gateway, bob)).error?.data.reason, 'upstream_invalid')
    t.equal(endpoint.asked.length, 4, 'not again so soon')
    t.equal(upstream.tokens.length, 5, 'and no call twice')
  },
)

const refusing = (error: string, status: number) => (response: ServerResponse) =>
  json(response, { error, error_description: clientSecret }, status)
const answering = (more: object) => (response: ServerResponse) => json(response, exchanged('issued-x', more))
const forbidden = { status: 403, error: { data: { reason: 'forbidden' }, message: /cannot be exchanged/ } }
const unreachable = { status: 200, error: { data: { reason: 'upstream_unreachable' }, message: /no token/ } }

t.test('only the caller whose token cannot be exchanged is refused', async t => {
  const faults: [string, object, (response: ServerResponse, token: string) => void][] = [
    ['token_endpoint_400_invalid_grant', forbidden, refusing('invalid_grant', 400)],
    ['token_endpoint_400_invalid_request', forbidden, refusing('invalid_request', 400)],
    ['token_endpoint_400_invalid_target', forbidden, refusing('invalid_target', 400)],
    ['token_endpoint_400_invalid_scope', forbidden, refusing('invalid_scope', 400)],
    ['token_endpoint_400_invalid_token', forbidden, refusing('invalid_token', 400)],
    ['token_endpoint_403_access_denied', forbidden, refusing('access_denied', 403)],
    ['token_endpoint_401_invalid_token', forbidden, refusing('invalid_token', 401)],
    ['token_endpoint_404_invalid_target', forbidden, refusing('invalid_target', 404)],
    ['token_endpoint_413', unreachable, refusing('', 413)],
    ['token_endpoint_422', unreachable, refusing('', 422)],
    ['token_endpoint_400', unreachable, refusing(clientSecret, 400)],
    ['token_endpoint_500', unreachable, refusing('', 500)],
    ['token_answer_no_json', unreachable, response => void response.end('<html>')],
    ['token_type_no_bearer', unreachable, answering({ token_type: 'N_A' })],
    ['token_type_no_bearer', unreachable, answering({ token_type: 'DPoP' })],
    ['issued_token_type_unknown', unreachable, answering({ issued_token_type: undefined })],
    [
      'issued_token_type_unknown',
      unreachable,
      answering({ issued_token_type: 'urn:ietf:params:oauth:token-type:id_token' }),
    ],
    ['access_token_malformed', unreachable, answering({ access_token: 'a\r\nx: y' })],
    ['expires_in_malformed', unreachable, answering({ expires_in: 0 })],
    ['token_of_the_caller', unreachable, (response, token) => json(response, exchanged(token))],
  ]
  for (const [reason, expected, fault] of faults) {
    const upstream = await startGuarded(t)
    const gateway = await startGateway(t, configuration(upstream.url))
    endpoint.asked.length = 0
    endpoint.instead = ({ subject, form }, response) => {
      if (subject === 'ann') fault(response, form['subject_token']!)
      return subject === 'ann'
    }
    const ann = await tokenOf('ann')
    const replies = [await call(gateway, ann), await call(gateway, ann)]
    for (const reply of replies) {
      t.match(reply, expected, reason)
      t.notOk(reply.text.includes(reason), 'the client is not told why')
    }
    t.equal(endpoint.asked.length, 1, 'asked once, and not again so soon')
    t.strictSame(failures(gateway), [reason])
    t.equal(upstream.arrivals.length, 0)
    const lines = await until(() => {
      const found = gateway.lines.filter(line => line['event'] === 'request')
      return found.length === 2 ? found : undefined
    }, 'both were logged')
    for (const line of lines) t.match(line, { cause: reason, principal: `${issuer.url}#ann` })
    t.match(await call(gateway, await tokenOf('bob')), { status: 200 }, 'the next caller is served at once')
    await withoutTokens(t, gateway, replies)
  }
})

t.test('the log names the endpoint and the target of a failed exchange', async t => {
  const upstream = await startGuarded(t)
  const auth = `${proof}, audience: "https://tools.example.com/?k=${'v'.repeat(9)}"`
  const gateway = await startGateway(t, configuration(upstream.url, { auth }))
  endpoint.instead = (_asked, response) => (json(response, {}, 503), true)
  await call(gateway, await tokenOf('ann'))
  t.match(
    gateway.lines.find(({ event }) => event === 'upstream_token_failed'),
    {
      level: 'warn',
      tokenUrl: endpoint.tokenUrl,
      clientId: 'gate:house',
      audience: 'https://tools.example.com/',
    },
  )
  t.notOk(gateway.logText().includes('vvv'))
})

t.test(
  'an endpoint that refuses everybody gets a pause from everybody, and is used again once it works',
  async t => {
    const faults: [string, (response: ServerResponse) => void][] = [
      ['token_endpoint_401_invalid_client', refusing('invalid_client', 401)],
      ['token_endpoint_400_unauthorized_client', refusing('unauthorized_client', 400)],
      ['token_endpoint_400_unsupported_grant_type', refusing('unsupported_grant_type', 400)],
      ['token_endpoint_404', refusing('', 404)],
      ['token_endpoint_429_slow_down', refusing('slow_down', 429)],
      ['token_endpoint_503', refusing('', 503)],
      ['token_endpoint_307', response => void response.writeHead(307, { location: '/other' }).end()],
      ['token_endpoint_UND_ERR_SOCKET', response => void response.destroy()],
    ]
    for (const [reason, fault] of faults) {
      const upstream = await startGuarded(t)
      const gateway = await startGateway(t, configuration(upstream.url))
      endpoint.asked.length = 0
      endpoint.instead = (_asked, response) => (fault(response), true)
      for (const name of ['ann', 'bob', 'eve']) {
        const reply = await call(gateway, await tokenOf(name))
        t.match(reply, unreachable, reason)
        await withoutTokens(t, gateway, [reply])
      }
      t.equal(endpoint.asked.length, 1)
      t.strictSame(failures(gateway), [reason])
      t.equal(upstream.arrivals.length, 0)
      endpoint.instead = () => false
      const bob = await tokenOf('bob')
      await until(async () => (await call(gateway, bob)).status === 200, 'the pause was over')
    }
  },
)

t.test('a caller without a token has nothing to exchange, even if validation was bypassed', async t => {
  const upstream = await startGuarded(t)
  const key = 'canary-of-the-caller-0123456789abcdef0123456'
  const yaml = configuration(upstream.url)
    .replace('auth: {', 'auth: {keys: {type: api-key}, ')
    .replace('proxies:', `keys: {ann: {roles: [all], secrets: [{hash: "${hashSecret(key)}"}]}}\nproxies:`)
  const written = `${yaml}  other: {auth: [keys], upstream: {url: "${upstream.url}"}}\n`
  const env = { CLIENT_SECRET: clientSecret }
  const { configPath } = await startGateway(t, written)
  for (const auth of ['none' as const, ['keys']]) {
    const gateway = await startGatewayOn({
      load() {
        const result = loadHandover(configPath, { env, now: new Date() })
        const settings = JSON.parse(result.handover!.settings) as Pick<Config, 'proxies'>
        const proxies = { main: { ...settings.proxies['main']!, auth } }
        return {
          ...result,
          handover: { ...result.handover!, settings: JSON.stringify({ ...settings, proxies }) },
        }
      },
      write: () => {},
      watch: false,
    })
    t.teardown(gateway.close)
    t.match(await call(gateway, key), forbidden)
  }
  t.equal(endpoint.asked.length, 0)
  t.equal(upstream.arrivals.length, 0)
})

t.test('an official client logs in, and the upstream sees its user by a token of its own', async t => {
  const server = await startAuthorizationServer([
    { ...publicClient, scope: 'mcp:read' },
    { client_id: 'gatehouse', client_secret: clientSecret, grant_types: [exchangeGrant] },
  ])
  t.teardown(server.close)
  const mock = await startMock(t)
  const wire = await startWire(mock.url)
  t.teardown(wire.close)
  const path = join(import.meta.dirname, '../examples/token-exchange/gateway.yaml')
  t.match(readFileSync(path, 'utf8'), 'type: token-exchange')
  const gateway = await startExample(t, path, {
    ISSUER: server.issuer,
    TOKEN_URL: server.tokenUrl,
    TOOLS_URL: wire.url,
    CLIENT_SECRET: clientSecret,
  })

  const url = `${gateway.url}/tools/mcp`
  const authProvider = createMemoryProvider()
  const client = await logIn(t, url, authProvider)
  t.match(await client.callTool({ name: 'get_users', arguments: {} }), { content: [{ type: 'text' }] })

  const own = (await authProvider.tokens())!.access_token
  const shown = new Set(
    [...wire.sent().matchAll(/^authorization: Bearer (\S+)/gim)].map(([, token]) => token!),
  )
  t.ok(shown.size > 0)
  t.notOk(wire.sent().includes(own))
  t.match(await server.verify(own, url), { sub: 'ann', client_id: publicClient.client_id })
  for (const token of shown)
    t.match(await server.verify(token, wire.url), { sub: 'ann', client_id: 'gatehouse', scope: 'mcp:read' })
})

/** Makes an exchange with a clock of its own; tokens are numbered. */
function clocked({ lifetime = 100, callers = 100, text = 1000 } = {}) {
  const asked: string[] = []
  const state = {
    now: 0,
    lifetime,
    asked,
    failures: [] as string[],
    /** Failures of requests by the caller's token; `*` is for all. */
    failing: new Map<string, EndpointAnswer | undefined>(),
    /** Every request waits for this. */
    held: Promise.resolve(),
  }
  const exchange = createTokenExchange(
    async ({ token }) => {
      asked.push(token)
      const value = `t${asked.length}`
      await state.held
      for (const name of [token, '*']) {
        if (state.failing.has(name)) throw new TokenUnavailable(`no-${token}`, state.failing.get(name))
      }
      return { value, lifetime: state.lifetime }
    },
    ({ code }) => void state.failures.push(code),
    () => state.now,
    { callers, text },
  )
  const token = (name: string, expires = Infinity): Promise<string> =>
    exchange.token({ token: name, expires })
  return Object.assign(state, { exchange, token })
}
const refused: EndpointAnswer = { status: 400, error: 'invalid_grant' }

t.test('an issued token is used no longer than it and the token of the caller are valid', async t => {
  const cases: { lifetime: number; expires: number; renewed: number | undefined; end: number }[] = [
    { lifetime: 1000, expires: Infinity, renewed: 800_000, end: 1_000_000 },
    { lifetime: 100, expires: 100_001, renewed: 70_000, end: 100_000 },
    { lifetime: 100, expires: 100_000, renewed: undefined, end: 100_000 },
    { lifetime: 1000, expires: 10_000, renewed: undefined, end: 10_000 },
  ]
  for (const { lifetime, expires, renewed, end } of cases) {
    const clock = clocked({ lifetime })
    t.equal(await clock.token('ann', expires), 't1')
    clock.now = (renewed ?? end) - 1
    t.equal(await clock.token('ann', expires), 't1')
    t.equal(clock.asked.length, 1)
    clock.now++
    t.equal(
      await clock.token('ann', expires),
      renewed === undefined ? 't2' : 't1',
      'nobody waits ahead of the end',
    )
    t.equal(clock.asked.length, 2)
    if (renewed !== undefined)
      await until(async () => (await clock.token('ann', expires)) === 't2', 'the next one was there')
    t.equal(clock.asked.length, 2)
    const other = clocked({ lifetime })
    await other.token('ann', expires)
    other.now = end
    other.failing.set('*', undefined)
    await t.rejects(other.token('ann', expires), { code: 'no-ann' }, 'nor is it used after its end')
  }
})

t.test('a refused caller waits for longer each time, and others do not', async t => {
  const clock = clocked({ lifetime: 86_400 })
  clock.failing.set('ann', refused)
  const outcomes: string[] = []
  for (; clock.now < 120_000; clock.now += 100) {
    for (const name of ['ann', 'bob'])
      outcomes.push(await clock.token(name).catch((error: Error) => error.name))
  }
  t.strictSame([...new Set(outcomes)], ['ExchangeRefused', 't2'])
  const ofAnn = clock.asked.filter(name => name === 'ann').length
  t.ok(ofAnn >= 8 && ofAnn <= 10, `${ofAnn} requests in two minutes`)
  t.equal(clock.failures.length, ofAnn, 'each was told once')
  t.equal(clock.asked.length, ofAnn + 1)
  clock.failing.clear()
  clock.now += 30_000
  t.match(await clock.token('ann'), /^t\d+$/)
})

t.test('while the endpoint is down, one caller at a time tries it, with increasing pauses', async t => {
  const clock = clocked()
  clock.failing.set('*', undefined)
  const outcomes = await Promise.allSettled(
    Array.from({ length: 50 }, (_, index) => clock.token(`early-${index}`)),
  )
  t.ok(outcomes.every(({ status }) => status === 'rejected'))
  t.equal(clock.asked.length, 50, 'all were under way when the first failed')
  clock.now = 499
  await t.rejects(clock.token('ann'), { code: /^no-early-/ })
  t.equal(clock.asked.length, 50)
  clock.now = 500
  let release = (): void => {}
  clock.held = new Promise(resolve => (release = resolve))
  const trial = clock.token('ann')
  for (const name of ['bob', 'eve']) await t.rejects(clock.token(name), { code: /^no-early-/ })
  t.equal(clock.asked.length, 51, 'one tries')
  release()
  await t.rejects(trial, { name: 'TokenUnavailable', code: 'no-ann' })
  const served: string[] = []
  for (; clock.now < 120_000; clock.now += 100)
    await clock.token(`caller-${clock.now}`).then(
      token => served.push(token),
      () => {},
    )
  t.strictSame(served, [])
  t.ok(clock.asked.length <= 60, `${clock.asked.length - 51} requests in two minutes`)
  t.equal(clock.failures.length, clock.asked.length, 'who was turned away is not logged')
  clock.failing.clear()
  clock.failing.set('ann', refused)
  clock.now += 30_000
  await t.rejects(clock.token('ann'), { name: 'ExchangeRefused' })
  // The endpoint refuses a caller, so it works: the others need not wait, nor try one at a time.
  t.strictSame((await Promise.all(['early-0', 'early-1'].map(name => clock.token(name)))).length, 2)
})

t.test('the least recently served caller is dropped first', async t => {
  const clock = clocked({ callers: 2 })
  for (const name of ['ann', 'bob', 'ann', 'eve', 'ann']) await clock.token(name)
  t.strictSame(clock.asked, ['ann', 'bob', 'eve'])
  await clock.token('bob')
  t.equal(clock.asked.length, 4)
  await clock.token('eve')
  t.equal(clock.asked.length, 5)

  const small = clocked({ text: 4 })
  for (const name of ['ann', 'bob', 'ann']) await small.token(name)
  t.equal(small.asked.length, 2)
  await small.token('eve')
  await small.token('ann')
  t.equal(small.asked.length, 3)
  await small.token('bob')
  t.equal(small.asked.length, 4)
})

t.test('a caller without a token gets none', async t => {
  const { exchange } = clocked()
  const subject: Subject | undefined = undefined
  await t.rejects(exchange.token(subject), { name: 'ExchangeRefused', code: 'caller_without_token' })
  await t.rejects(exchange.renew('t1', subject), { name: 'ExchangeRefused', code: 'caller_without_token' })
})
