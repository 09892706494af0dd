import { createHash } from 'node:crypto'
import { request as httpRequest } from 'node:http'
import t, { type Test } from 'tap'
import { createOpenTokens } from '../gateway/auth/token/open-tokens.ts'
import { textOf } from '../gateway/mcp/refusal-table.ts'
import { newSecret } from '../gateway/auth/api-key/key.ts'
import type { Introspection } from '../gateway/auth/token/introspected-token.ts'
import type { PolicyDependencies } from '../policies/policy.ts'
import type { RequestHead } from '../gateway/auth/request-head.ts'
import { fixedKeys } from '../gateway/auth/token/token-keys.ts'
import { Refusal } from '../gateway/mcp/errors.ts'
import { createIntrospection } from '../gateway/oauth/introspection.ts'
import { IntrospectionFailed, type IntrospectionAnswer } from '../gateway/oauth/introspection-endpoint.ts'
import { jwt } from '../policies/jwt.ts'
import { startTestGateway, type TestGateway } from './fixtures/gateway.ts'
import { createIssuerKey, signToken, startTestIssuer, type TestIssuer } from './fixtures/issuer.ts'
import { listTools, type ToolsAnswer } from './fixtures/list-tools.ts'
import { until } from './fixtures/until.ts'
import { listOrStream, startTestUpstream } from './fixtures/upstream.ts'

const upstream = await startTestUpstream(listOrStream)
t.teardown(upstream.close)
const key = await createIssuerKey('ES256', 'one')
const publicUrl = 'https://mcp.example.com'
const audience = `${publicUrl}/main/mcp`
const env = { SECRET: 'canary-of-the-introspection-0123456789' }
const seconds = (): number => Math.floor(Date.now() / 1000)

/** A configuration with the method `sso` on the proxy `main`, and more in its block `introspection`. */
const config = (issuer: TestIssuer, more: string, host: string, ofProxy: string): string => `
listen:
  publicUrl: ${publicUrl}
  allowedHosts: [${host}]
auth:
  sso:
    type: jwt
    issuer: ${issuer.url}
    clockSkew: 5s
    introspection: {clientId: gatehouse, clientSecret: {env: SECRET}${more}}
    grants: [{when: {scopes: [read]}, roles: [reader]}, {when: {claims: {group: [a, b]}}, roles: [writer]}]
  plain: {type: jwt, issuer: plain.example.com, jwks: {url: "${issuer.url}/keys"}}
  keys: {type: api-key, name: X-Api-Key}
roles:
  reader: {access: {"*": {tools: {allow: ["get_*"]}}}}
  writer: {access: {"*": {tools: {allow: ["set_*"]}}}}
proxies:
  main: {auth: [plain, keys, sso], ${ofProxy}upstream: {url: "${upstream.url}"}}
`

async function start(
  t: Test,
  more = '',
  ofProxy = '',
): Promise<{ issuer: TestIssuer; gateway: TestGateway; reload(block?: string): Promise<void> }> {
  const issuer = await startTestIssuer([key])
  t.teardown(issuer.close)
  let host = 'first'
  const gateway = await startTestGateway(config(issuer, more, host, ofProxy), { env, watch: false })
  t.teardown(gateway.close)
  return {
    issuer,
    gateway,
    async reload(block = '') {
      const { revision } = await gateway.status()
      gateway.write(config(issuer, more, (host += 'x'), ofProxy) + block)
      await gateway.reload()
      t.not((await gateway.status()).revision, revision)
    },
  }
}

interface Answer extends Omit<ToolsAnswer, 'headers'> {
  challenge: string | null
}

async function ask(gateway: TestGateway, token: string): Promise<Answer> {
  const { headers, ...answer } = await listTools(gateway, token)
  return { ...answer, challenge: headers.get('www-authenticate') }
}

let made = 0
const opaque = (): string => `opaque-token-${String(made++).padStart(8, '0')}`
const active = (more: Record<string, unknown> = {}): Record<string, unknown> => ({
  active: true,
  aud: audience,
  sub: 'ann',
  scope: 'read',
  exp: seconds() + 300,
  ...more,
})

t.test('the answer of an issuer is checked like the claims of a JWT', async t => {
  const { issuer, gateway } = await start(t)
  const audienceWrong = textOf('token_audience')
  const another = textOf('token_issuer')
  const noType = textOf('token_scheme')
  const unbound = textOf('token_unbound')
  const cases: [string, unknown, number | string, (string | string[])?][] = [
    ['all is well', active(), 200],
    ['of this issuer', active({ iss: issuer.url }), 200],
    ['without an end', active({ exp: undefined }), 200],
    ['for several', active({ aud: ['x', audience] }), 200],
    ['of the type Bearer', active({ token_type: 'bearer' }), 200],
    ['an access token', active({ token_use: 'access_token' }), 200],
    ['of a client', active({ sub: undefined, client_id: 'robot' }), 200],
    ['granted by a claim', active({ scope: undefined, group: ['x', 'b'] }), 200, ['set_a']],
    ['just ended, by another clock', active({ exp: seconds() - 2 }), 200],
    ['without a grant', active({ scope: 'other' }), 'forbidden'],
    ['not active', { active: false }, 'credential_invalid', textOf('token_inactive')],
    [
      'not active, whatever else',
      { ...active(), active: false },
      'credential_invalid',
      textOf('token_inactive'),
    ],
    ['of another issuer', active({ iss: 'https://evil.example.com' }), 'credential_invalid', another],
    ['of an issuer that is no text', active({ iss: null }), 'credential_invalid', another],
    ['for nobody', active({ aud: undefined }), 'credential_invalid', textOf('token_no_audience')],
    ['for another', active({ aud: `${publicUrl}/other/mcp` }), 'credential_invalid', audienceWrong],
    ['for one that begins alike', active({ aud: [`${audience}/x`] }), 'credential_invalid', audienceWrong],
    ['expired', active({ exp: seconds() - 10 }), 'credential_expired', textOf('token_expired')],
    ['expires as text', active({ exp: '9999999999' }), 'credential_invalid', textOf('token_no_expiry')],
    ['too early', active({ nbf: seconds() + 60 }), 'credential_invalid', textOf('token_early')],
    ['of nobody', active({ sub: undefined }), 'credential_invalid', textOf('token_no_subject')],
    ['of the type DPoP', active({ token_type: 'DPoP' }), 'credential_invalid', noType],
    ['of a type that is no text', active({ token_type: null }), 'credential_invalid', noType],
    ['a refresh token', active({ token_use: 'refresh_token' }), 'credential_invalid', textOf('token_type')],
    ['bound to a certificate', active({ cnf: { 'x5t#S256': 'x' } }), 'credential_invalid', unbound],
    ['bound to a key', active({ cnf: { jkt: 'x' } }), 'credential_invalid', textOf('token_binding')],
    ['active as text', { ...active(), active: 'true' }, 'issuer_unavailable'],
    ['active as a number', { ...active(), active: 1 }, 'issuer_unavailable'],
    ['nothing of active', { ...active(), active: undefined }, 'issuer_unavailable'],
    ['a list', [active()], 'issuer_unavailable'],
    ['no JSON', '<html>', 'issuer_unavailable'],
    ['twice', `{"active":false,"active":true,"aud":"${audience}","sub":"ann"}`, 'issuer_unavailable'],
    ['deep', active({ x: JSON.parse(`${'['.repeat(20)}${']'.repeat(20)}`) }), 'issuer_unavailable'],
    ['large', active({ x: 'x'.repeat(70_000) }), 'issuer_unavailable'],
    ['a redirect', 302, 'issuer_unavailable'],
    ['an error', 500, 'issuer_unavailable'],
    ['no authority', 401, 'issuer_unavailable'],
  ]
  for (const [name, answer, wanted, detail] of cases) {
    issuer.answers = () => answer
    const { status, reason, tools, challenge } = await ask(gateway, opaque())
    t.equal(reason ?? status, wanted, name)
    if (wanted === 200) t.strictSame(tools, detail ?? ['get_a'], name)
    const refused = String(wanted).startsWith('credential')
    t.equal(
      challenge,
      refused
        ? `Bearer realm="main", error="invalid_token", error_description="${String(detail)}", ApiKey realm="main", in="header", name="X-Api-Key"`
        : null,
      name,
    )
    if (wanted === 'issuer_unavailable') t.equal(status, 503, name)
  }
  const [first] = issuer.questions
  t.equal(first?.authorization, `Basic ${btoa(`gatehouse:${env.SECRET}`)}`)
  t.equal(first?.parameters.get('token_type_hint'), 'access_token')
  await until(
    () => gateway.lines.filter(({ event }) => event === 'request').length === cases.length,
    'all was logged',
  )
  const names = new Set(gateway.lines.flatMap(line => line['principal'] ?? []))
  t.strictSame([...names], [`${issuer.url}#ann`, `${issuer.url}?client=robot`])
  t.notMatch(gateway.logText(), 'opaque-token')
  t.equal(
    gateway.lines.filter(({ event }) => event === 'introspection_failed').length,
    1,
    'not once for each',
  )
})

t.test('a token that its issuer returns as the subject is neither logged nor sent upstream', async t => {
  const { issuer, gateway } = await start(t)
  const echoes: ((token: string) => Record<string, unknown>)[] = [
    sub => ({ sub }),
    token => ({ sub: `user:${token}` }),
    client_id => ({ sub: undefined, client_id }),
  ]
  for (const echo of echoes) {
    issuer.answers = token => active(echo(token))
    const before = upstream.arrivals.length
    const { reason, challenge } = await ask(gateway, opaque())
    t.equal(reason, 'credential_invalid')
    t.notMatch(challenge, 'opaque-token')
    t.equal(upstream.arrivals.length, before)
  }
  const logged = (): unknown[] => gateway.lines.filter(({ event }) => event === 'request')
  await until(() => logged().length === echoes.length, 'all was logged')
  t.notMatch(gateway.logText(), 'opaque-token')
})

t.test('text that cannot be a token of the issuer is never sent to it', async t => {
  const { issuer, gateway } = await start(t)
  issuer.answers = () => active()
  const jwt = await signToken(key, {
    iss: 'https://evil.example.com',
    aud: audience,
    sub: 'ann',
    exp: seconds() + 60,
  })
  const garbage = [
    'nonsense',
    'x'.repeat(16_385),
    'with a space in it, as no token',
    'quoted"quoted"quoted"quoted',
    '=================',
    newSecret(),
    newSecret().slice(0, -1),
    jwt,
    `${jwt}x`,
    `eyJhbGciOiJub25lIn0.e30.`,
  ]
  for (const text of garbage)
    t.equal((await ask(gateway, text)).reason, 'credential_invalid', text.slice(0, 50))
  t.equal(issuer.questions.length, 0)
  t.equal((await ask(gateway, opaque())).status, 200)
  t.equal(issuer.questions.length, 1)
})

t.test('metadata may point to hosts that the file names, over https or on this machine', async t => {
  const { issuer, gateway, reload } = await start(t)
  issuer.answers = () => active()
  const endpoint = issuer.introspectionEndpoint!
  const reasons: unknown[] = []
  /** A failed fetch of the metadata is not cached. */
  const asked = async (place: string | undefined): Promise<number> => {
    issuer.introspectionEndpoint = place
    return (await ask(gateway, opaque())).status
  }
  t.equal(await asked(undefined), 503)
  t.equal(await asked(endpoint.replace('127.0.0.1', 'localhost')), 503, 'the file does not name it')
  t.equal(issuer.questions.length, 0)
  await reload('outbound: {allowedHosts: [idp.internal, localhost]}')
  t.equal(await asked('http://idp.internal/introspect'), 503, 'named, and yet in clear')
  t.equal(await asked(endpoint.replace('127.0.0.1', 'localhost')), 200)
  t.equal(issuer.questions.length, 1)
  t.equal(await asked('http://idp.internal/introspect'), 200, 'it is not looked up for each token')
  const now = performance.now.bind(performance)
  t.teardown(() => (performance.now = now))
  performance.now = () => now() + 11 * 60_000
  t.equal(await asked(undefined), 200, 'the one found before serves on while the metadata names none')
  performance.now = () => now() + 22 * 60_000
  t.equal(await asked('http://idp.internal/introspect'), 503, 'but not beside one that they do name')
  performance.now = now
  for (const line of gateway.lines)
    if (line['event'] === 'introspection_failed') reasons.push([line['reason'], line['error']])
  t.match(reasons, [
    ['introspection_endpoint_unknown', /names no introspection/],
    ['introspection_endpoint_insecure', undefined],
  ])
})

t.test('an unavailable issuer is a 503, and its cached answers stay in use', async t => {
  const { issuer, gateway } = await start(t)
  issuer.answers = () => active()
  const [known, fresh] = [opaque(), opaque()]
  t.equal((await ask(gateway, known)).status, 200)
  issuer.up = false
  const { status, reason, challenge } = await ask(gateway, fresh)
  t.strictSame([status, reason, challenge], [503, 'issuer_unavailable', null])
  t.equal((await ask(gateway, known)).status, 200)
  issuer.up = true
  await until(async () => (await ask(gateway, fresh)).status === 200, 'it is asked again')
})

t.test(
  'with `tokens: all` a revoked JWT is refused, too, and none is sent before it is verified',
  async t => {
    const { issuer, gateway } = await start(t, ', tokens: all')
    const claims = { iss: issuer.url, aud: audience, sub: 'ann', scope: 'read', exp: seconds() + 300 }
    issuer.answers = () => ({ active: true })
    const good = await signToken(key, claims)
    t.equal((await ask(gateway, good)).status, 200)
    t.equal((await ask(gateway, good)).status, 200)
    t.equal(issuer.questions.length, 1)
    t.equal((await ask(gateway, await signToken(key, { ...claims, exp: 1 }))).reason, 'credential_expired')
    t.equal((await ask(gateway, `${good.slice(0, -4)}AAAA`)).reason, 'credential_invalid')
    t.equal(issuer.questions.length, 1)
    issuer.answers = () => ({ active: false })
    t.equal((await ask(gateway, await signToken(key, { ...claims, jti: '2' }))).reason, 'credential_invalid')
    issuer.answers = () => ({ active: true, iss: 'https://evil.example.com' })
    t.equal((await ask(gateway, await signToken(key, { ...claims, jti: '3' }))).reason, 'credential_invalid')
  },
)

t.test(
  'an open stream ends when its token is revoked, and when its issuer has been silent for too long',
  async t => {
    const real = Date.now
    let ahead = 0
    Date.now = () => real() + ahead
    t.teardown(() => void (Date.now = real))
    const { issuer, gateway, reload } = await start(t)
    const [revoked, unheard] = [opaque(), opaque()]
    const says: Record<string, unknown> = { [revoked]: active(), [unheard]: active() }
    issuer.answers = token => says[token] ?? { active: false }
    const ended: string[] = []
    const open = async (token: string): Promise<void> => {
      const response = await fetch(`${gateway.url}/main/mcp`, {
        headers: { accept: 'text/event-stream', authorization: `Bearer ${token}` },
      })
      t.equal(response.status, 200)
      response.text().then(
        () => ended.push(token),
        () => ended.push(token),
      )
    }
    await open(revoked)
    await open(unheard)
    await reload()
    t.equal(issuer.questions.length, 2, 'what was said a moment ago counts')
    says[revoked] = { active: false }
    says[unheard] = 500
    ahead = 60_000
    await reload()
    await until(() => issuer.questions.length === 4, 'both are asked about')
    await until(async () => /result="failed"} 1\n/.test(await gateway.metrics()), 'and both are answered')
    await reload()
    await until(() => ended.length > 0, 'the revoked one is out')
    t.strictSame(ended, [revoked])
    ahead = 119_000
    await reload()
    t.equal((await gateway.status()).openStreams, 1)
    ahead = 121_000
    await reload()
    await until(() => ended.length === 2, 'the other one is out')
  },
)

t.test('an open stream loses what its token has lost according to its issuer', async t => {
  const real = Date.now
  let ahead = 0
  Date.now = () => real() + ahead
  t.teardown(() => void (Date.now = real))
  const { issuer, gateway, reload } = await start(t, '', 'scopes: {required: [read]}, ')
  const more = { scope: 'read x', group: ['a'] }
  const changes: Record<string, [Record<string, unknown>, string?]> = {
    role: [active({ ...more, group: [] }), 'forbidden'],
    scope: [active({ ...more, scope: 'x' }), 'forbidden'],
    audience: [active({ ...more, aud: 'x' }), 'credential_invalid'],
    subject: [active({ ...more, sub: 'bob' }), 'credential_invalid'],
    other: [active({ ...more, scope: 'read y', name: 'Ann' })],
  }
  const tokens = new Map(Object.keys(changes).map(name => [`opaque-token-that-changes-${name}`, name]))
  issuer.answers = () => active(more)
  const ended = new Set<string>()
  for (const [token, name] of tokens) {
    const headers = { accept: 'text/event-stream', authorization: `Bearer ${token}` }
    const response = await fetch(`${gateway.url}/main/mcp`, { headers })
    t.equal(response.status, 200)
    const over = (): void => void ended.add(name)
    response.text().then(over, over)
  }
  issuer.answers = token => changes[tokens.get(token)!]![0]
  ahead = 60_000
  await reload()
  const answered = /result="active"} 10\n/
  await until(async () => answered.test(await gateway.metrics()), 'all are asked about, and answered')
  await reload()
  await until(() => ended.size === tokens.size - 1, 'four of them are out')
  t.notOk(ended.has('other'))
  const logged = (): unknown[] => gateway.lines.filter(({ event }) => event === 'request')
  await until(() => logged().length === tokens.size - 1, 'all was logged')
  const wanted = Object.values(changes).flatMap(([, reason = []]) => reason)
  const reasons = gateway.lines.flatMap(({ event, reason }) => (event === 'request' ? [reason] : []))
  t.strictSame(reasons.toSorted(), wanted.toSorted())
})

t.test('a client that leaves while its token is checked keeps no stream open upstream', async t => {
  const { issuer, gateway } = await start(t)
  const answer = Promise.withResolvers<unknown>()
  issuer.answers = () => answer.promise
  const before = upstream.arrivals.length
  const tokens = { GET: opaque(), DELETE: opaque(), POST: opaque() }
  for (const [index, [method, token]] of Object.entries(tokens).entries()) {
    const client = httpRequest(`${gateway.url}/main/mcp`, {
      method,
      agent: false,
      headers: { accept: 'text/event-stream', authorization: `Bearer ${token}` },
    })
    client.on('error', () => {}).end()
    await until(() => issuer.questions.length > index, 'it is asked about')
    client.destroy()
  }
  const logged = (): unknown[] => gateway.lines.filter(line => line['event'] === 'request')
  await until(() => logged().length === 3, 'all have left')
  answer.resolve(active())
  for (const token of Object.values(tokens)) t.equal((await ask(gateway, token)).status, 200)
  t.equal((await gateway.status()).openStreams, 0)
  t.strictSame(
    upstream.arrivals.slice(before).map(({ method }) => method),
    ['POST', 'POST', 'POST'],
    'only of those who stayed',
  )
})

t.test('an open stream is checked again when the cached answer has expired', async t => {
  const now = 1_800_000_000_000
  const until = now + 61_001
  const { authenticate, review } = jwt.create(
    { type: 'jwt', issuer: 'https://i', algorithms: [], clockSkew: '0s', grants: [] },
    {
      name: 'sso',
      openTokens: createOpenTokens(),
      ownAudiences: [audience],
      tokenKeys: () => fixedKeys(JSON.stringify({ keys: [key.publicJwk] })),
      introspection: () => ({
        ask: async () => active({ exp: now / 1000 + 3600 }),
        recall: () => ({ claims: active({ exp: now / 1000 + 3600 }), until }),
      }),
    } as Partial<PolicyDependencies> as PolicyDependencies,
  )
  const principal = await authenticate(opaque(), now, {} as RequestHead)
  t.equal(principal.expires, now + 3_600_000)
  t.equal(review(principal, now).expires, now + 65_000)
})

const digestOf = (token: string): string => createHash('sha256').update(token).digest('hex')

/** Makes an introspection with a clock and an issuer that a test controls. */
function underTest(): {
  introspection: Introspection
  asked: string[]
  results: string[]
  advance(milliseconds: number): void
  say(answer: 'active' | 'inactive' | 'down' | Promise<IntrospectionAnswer>): void
  reason(token: string): Promise<string>
} {
  let now = 0
  let said: 'active' | 'inactive' | 'down' | Promise<IntrospectionAnswer> = 'active'
  const asked: string[] = []
  const results: string[] = []
  const introspection = createIntrospection(
    {
      async ask(token) {
        asked.push(token)
        if (said === 'down') throw new IntrospectionFailed('introspection_ECONNREFUSED', 'unreachable')
        if (said === 'inactive') return { claims: undefined, length: 16 }
        return said === 'active' ? { claims: { sub: token }, length: 100 } : said
      },
      asked: result => void results.push(result),
    },
    () => now,
  )
  return {
    introspection,
    asked,
    results,
    advance: milliseconds => void (now += milliseconds),
    say: answer => void (said = answer),
    reason: token =>
      introspection.ask(token, digestOf(token)).then(
        () => 'good',
        (error: unknown) => (error instanceof Refusal ? error.reason : String(error)),
      ),
  }
}

t.test(
  'an active answer is cached for a minute, an inactive one for ten seconds, a failure for one',
  async t => {
    const { asked, advance, say, reason } = underTest()
    const steps: [number, 'active' | 'inactive' | 'down', string, number][] = [
      [0, 'active', 'good', 1],
      [59_999, 'down', 'good', 1],
      [1, 'down', 'issuer_unavailable', 2],
      [999, 'active', 'issuer_unavailable', 2],
      [1, 'active', 'good', 3],
      [60_000, 'inactive', 'credential_invalid', 4],
      [9_999, 'active', 'credential_invalid', 4],
      [1, 'active', 'good', 5],
    ]
    for (const [after, says, wanted, questions] of steps) {
      advance(after)
      say(says)
      t.strictSame([await reason('one'), asked.length], [wanted, questions])
    }
  },
)

t.test(
  'a flood of made-up tokens costs the issuer a hundred questions a second, and does not delay known tokens',
  async t => {
    const { asked, results, advance, say, reason } = underTest()
    t.equal(await reason('known'), 'good')
    say('inactive')
    const flood = async (name: string, count: number): Promise<Map<string, number>> => {
      const tally = new Map<string, number>()
      for (let index = 0; index < count; index++) {
        const one = await reason(`${name}-${index}`)
        tally.set(one, (tally.get(one) ?? 0) + 1)
      }
      return tally
    }
    t.strictSame(Object.fromEntries(await flood('a', 1000)), {
      credential_invalid: 199,
      issuer_unavailable: 801,
    })
    advance(1000)
    t.strictSame(Object.fromEntries(await flood('b', 1000)), {
      credential_invalid: 100,
      issuer_unavailable: 900,
    })
    t.equal(asked.length, 300)
    t.equal(results.filter(one => one === 'limited').length, 1701)
    t.equal(await reason('known'), 'good')
    advance(59_000)
    await flood('c', 1000)
    say('active')
    t.equal(await reason('known'), 'good', 'and it is asked about again out of turn')
    t.equal(asked.at(-1), 'known')
    say('inactive')
    advance(60_000)
    t.equal(await reason('known'), 'credential_invalid')
    advance(10_000)
    await flood('d', 1000)
    say('active')
    t.equal(await reason('known'), 'issuer_unavailable', 'unless it was revoked')
  },
)

t.test(
  'at most 32 questions run at once, and those that wait fail at once when the issuer is unreachable',
  async t => {
    const { asked, advance, say, reason } = underTest()
    const { promise, resolve, reject } = Promise.withResolvers<IntrospectionAnswer>()
    for (let index = 0; index < 10; index++) t.equal(await reason(`known-${index}`), 'good')
    advance(60_000)
    say(promise)
    const flood = Array.from({ length: 150 }, (_, index) => reason(`token-${index}`))
    t.strictSame(await Promise.all(flood.slice(124)), Array(26).fill('issuer_unavailable'), '100 may wait')
    t.equal(asked.length, 10 + 24)
    const known = Array.from({ length: 10 }, (_, index) => reason(`known-${index}`))
    await new Promise(resolve => setImmediate(resolve))
    t.equal(asked.length, 10 + 32)
    const again = (from: number, to: number): string[] =>
      Array.from({ length: to - from }, (_, index) => `known-${from + index}`)
    t.strictSame(asked.slice(34), again(0, 8), 'what was active before does not wait for what never was')
    reject(new IntrospectionFailed('introspection_TimeoutError', 'unreachable'))
    t.strictSame(await Promise.all(flood.slice(0, 124)), Array(124).fill('issuer_unavailable'))
    t.strictSame(await Promise.all(known), Array(10).fill('issuer_unavailable'))
    t.equal(asked.length, 10 + 32)
    say('active')
    t.equal(await reason('another'), 'good', 'and then there is room again')
    resolve({ claims: undefined, length: 0 })
  },
)

t.test('known tokens go before a slow flood that is already waiting', async t => {
  const { asked, advance, say, reason } = underTest()
  for (let index = 0; index < 9; index++) await reason(`known-${index}`)
  advance(60_000)
  const slow = Promise.withResolvers<IntrospectionAnswer>()
  say(slow.promise)
  const flood = Array.from({ length: 60 }, (_, index) => reason(`token-${index}`))
  const known = Array.from({ length: 9 }, (_, index) => reason(`known-${index}`))
  await new Promise(resolve => setImmediate(resolve))
  t.equal(asked.length, 9 + 32)
  slow.resolve({ claims: undefined, length: 0 })
  await Promise.all([...flood, ...known])
  t.equal(asked.indexOf('known-8', 9), 9 + 32)
})

t.test('the token of an open stream is asked about again, without waiting', async t => {
  const { introspection, asked, advance, say } = underTest()
  const recall = (): unknown => introspection.recall('one', digestOf('one'))
  await introspection.ask('one', digestOf('one'))
  t.match(recall(), { claims: { sub: 'one' }, until: 60_000 })
  advance(60_000)
  t.equal(recall(), undefined)
  t.equal(recall(), undefined)
  t.equal(asked.length, 2)
  await until(() => recall() !== undefined, 'the answer is there')
  t.match(recall(), { until: 120_000 })
  say('inactive')
  advance(60_000)
  t.equal(recall(), undefined)
  await until(() => asked.length === 3, 'it was asked')
  await new Promise(resolve => setImmediate(resolve))
  t.throws(recall, { message: textOf('token_inactive') })
})

t.test('streams whose answers were dropped from the cache are not taken for a flood', async t => {
  const { introspection, asked, results } = underTest()
  const tokens = Array.from({ length: 500 }, (_, index) => `open-${index}`)
  for (const token of tokens) t.equal(introspection.recall(token, digestOf(token)), undefined)
  await until(() => asked.length === tokens.length, 'all are asked about', 2000)
  t.notOk(results.includes('limited'))
})
