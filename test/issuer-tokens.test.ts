import { writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { load } from '../gateway/config/load.ts'
import { parseAnswer } from './fixtures/answer.ts'
import { startTestGateway, type TestGateway } from './fixtures/gateway.ts'
import { createIssuerKey, forgeToken, signToken, startTestIssuer } from './fixtures/issuer.ts'
import { listOrStream, startTestUpstream } from './fixtures/upstream.ts'
import { until } from './fixtures/until.ts'

/** Tokens as identity providers really make them. */

const upstream = await startTestUpstream(listOrStream)
t.teardown(upstream.close)
const key = await createIssuerKey('ES256', 'one')
const issuer = await startTestIssuer([key])
t.teardown(issuer.close)
const publicUrl = 'https://mcp.example.com'
const env = { SECRET: 'canary-of-the-introspection-0123456789' }

type Claims = Record<string, unknown>

const claims = (more: Claims = {}): Claims => ({
  iss: issuer.url,
  aud: `${publicUrl}/main/mcp`,
  sub: 'ann',
  exp: Math.floor(Date.now() / 1000) + 300,
  ...more,
})
const token = (more: Claims = {}): Promise<string> => signToken(key, claims(more))

const config = (ofMethod = '', ofUpstream = '', grants = '[{roles: [reader]}]'): string => `
listen:
  publicUrl: ${publicUrl}
auth:
  sso: {type: jwt, issuer: "${issuer.url}", grants: ${grants}${ofMethod}}
  keys: {type: api-key, name: X-Api-Key}
roles:
  reader: {access: {"*": {tools: {allow: ["get_*"]}}}}
  writer: {access: {"*": {tools: {allow: ["set_*"]}}}}
proxies:
  main: {auth: [sso], upstream: {url: "${upstream.url}"${ofUpstream}}}
  keyed: {auth: [keys], upstream: {url: "${upstream.url}"}}
`

async function start(t: Test, yaml: string): Promise<TestGateway> {
  const gateway = await startTestGateway(yaml, { watch: false, env })
  t.teardown(gateway.close)
  return gateway
}

interface Answer {
  readonly status: number
  readonly detail: string | undefined
  readonly message: string
  readonly tools: string[]
  readonly challenge: string
}

/** Lists the tools; the detail of a refusal is that of the log. */
async function ask(gateway: TestGateway, headers: Record<string, string>, proxy = 'main'): Promise<Answer> {
  const response = await fetch(`${gateway.url}/${proxy}/mcp`, {
    method: 'POST',
    body: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}',
    headers: { 'content-type': 'application/json', ...headers },
  })
  const body = parseAnswer(await response.text()) as {
    result?: { tools: { name: string }[] }
    error?: { message: string; data: { requestId: string } }
  }
  const requestId = body.error?.data.requestId
  const line =
    requestId === undefined
      ? undefined
      : await until(() => gateway.lines.find(one => one['requestId'] === requestId), 'it is logged')
  return {
    status: response.status,
    detail: line?.['detail'] as string | undefined,
    message: body.error?.message ?? '',
    tools: body.result?.tools.map(({ name }) => name) ?? [],
    challenge: response.headers.get('www-authenticate') ?? '',
  }
}

const bearer = (text: string): Record<string, string> => ({ authorization: `Bearer ${text}` })

/** Claims by which an issuer says what else than an access token this is. */
const otherKinds: [name: string, more: Claims, detail: string][] = [
  ['an ID token of Cognito', { token_use: 'id' }, 'token_is_id_token'],
  ['an ID token of Keycloak', { typ: 'ID' }, 'token_is_id_token'],
  ['an ID token of Casdoor', { tokenType: 'id-token' }, 'token_is_id_token'],
  ['an ID token of Curity', { purpose: 'id' }, 'token_is_id_token'],
  ['an ID token with s_hash', { s_hash: 'x' }, 'token_is_id_token'],
  ['an ID token with nonce', { nonce: 'x' }, 'token_is_id_token'],
  ['an ID token with at_hash, whatever it says', { typ: 'Bearer', at_hash: 'x' }, 'token_is_id_token'],
  ['a refresh token of Keycloak', { typ: 'Refresh' }, 'token_type'],
  ['an offline token of Keycloak', { typ: 'Offline' }, 'token_type'],
  ['a registration token of Keycloak', { typ: 'RegistrationAccessToken' }, 'token_type'],
  ['a token for an action of Keycloak', { typ: 'reset-credentials' }, 'token_type'],
  ['a logout token of Keycloak', { typ: 'Logout' }, 'token_type'],
  ['a refresh token of Hydra', { token_use: 'refresh_token' }, 'token_type'],
  ['a refresh token of SimpleJWT', { token_type: 'refresh' }, 'token_type'],
  ['a refresh token of Flask-JWT', { type: 'refresh' }, 'token_type'],
  [
    'a logout token by its event',
    { events: { 'http://schemas.openid.net/event/backchannel-logout': {} } },
    'token_type',
  ],
  ['a token_use in a list', { token_use: ['access'] }, 'token_type'],
]
const accessTokens: [name: string, more: Claims][] = [
  ['Cognito', { token_use: 'access' }],
  ['Hydra', { token_use: 'access_token' }],
  ['Keycloak', { typ: 'Bearer' }],
  ['Keycloak before 25', { typ: 'Bearer', nonce: 'x' }],
  ['SimpleJWT', { token_type: 'access' }],
  ['Casdoor', { tokenType: 'access-token' }],
  ['Cloudflare', { type: 'app', identity_nonce: 'x' }],
  ['one with a list of events', { events: ['login'] }],
]

t.test('ID, refresh and logout tokens are refused by their claims', async t => {
  const gateway = await start(t, config())
  for (const [name, more] of accessTokens)
    t.equal((await ask(gateway, bearer(await token(more)))).status, 200, name)
  const arrivals = upstream.arrivals.length
  for (const [name, more, detail] of otherKinds) {
    const text = await token(more)
    for (const round of ['first', 'again'])
      t.match(await ask(gateway, bearer(text)), { status: 401, detail }, `${name}, ${round}`)
  }
  t.equal(upstream.arrivals.length, arrivals)
})

t.test('introspected ID, refresh and logout tokens are refused by the answer, also of a JWT', async t => {
  const introspection = (tokens: string): string =>
    `, introspection: {clientId: gatehouse, clientSecret: {env: SECRET}, tokens: ${tokens}}`
  const opaque = await start(t, config(introspection('opaque')))
  const all = await start(t, config(introspection('all')))
  let made = 0
  for (const [name, more, detail] of otherKinds) {
    issuer.answers = () => ({ active: true, ...claims(more) })
    t.match(await ask(opaque, bearer(`opaque-access-token-${made++}`)), { status: 401, detail }, name)
    const text = await token({ jti: `${made}` })
    t.match(await ask(all, bearer(text)), { status: 401, detail }, `${name}, as a JWT`)
    t.match(await ask(all, bearer(text)), { status: 401, detail }, `${name}, as a JWT, from the cache`)
  }
  for (const [name, more] of accessTokens.filter(([, more]) => !Object.hasOwn(more, 'token_type'))) {
    issuer.answers = () => ({ active: true, ...claims(more) })
    t.equal((await ask(opaque, bearer(`opaque-access-token-${made++}`))).status, 200, name)
  }
})

t.test('a token of 14 KiB with 200 groups is accepted, and what is too large says so', async t => {
  const gateway = await start(
    t,
    config('', ', caller: {}', '[{when: {claims: {groups: group-199}}, roles: [reader]}]'),
  )
  const groups = Array.from({ length: 200 }, (_, index) => `group-${index}`)
  const of = async (length: number): Promise<string> => {
    const { length: without } = await token({ groups, more: '' })
    return token({ groups, more: 'x'.repeat(Math.floor(((length - without) * 3) / 4)) })
  }
  const large = await of(14 * 1024)
  t.ok(large.length > 14_300, `${large.length} characters`)
  for (const baggage of ['', 'x'.repeat(8000)]) {
    const { status, tools } = await ask(gateway, { ...bearer(large), baggage })
    t.strictSame([status, tools], [200, ['get_a']])
  }
  t.notMatch(JSON.stringify(upstream.arrivals.at(-1)), large.slice(0, 100))
  t.match(await ask(gateway, bearer(await of(17 * 1024))), { status: 401, detail: 'token_too_large' })
  const tooLarge = await ask(gateway, bearer('x'.repeat(25_000)))
  t.match(tooLarge, { status: 431, detail: 'headers_too_large', message: /24 KiB/ })
  const admin = await fetch(`${gateway.adminUrl}/status`, { headers: { 'x-more': 'x'.repeat(17_000) } })
  t.equal(admin.status, 431, 'the limit of the admin listener is as before')
})

t.test('a nested claim is found by its path, and a flat one of that very name first', async t => {
  const grants = `
    - {when: {claims: {realm_access.roles: mcp}}, roles: [reader]}
    - {when: {claims: {resource_access.my.client.roles: mcp}}, roles: [writer]}
    - {when: {claims: {"https://example.com/roles": mcp}}, roles: [writer]}
    - {when: {claims: {a.level: 3}}, roles: [writer]}
`
  const caller = ', caller: {claims: {realm_access.roles: X-Realm-Roles, address.city: X-City, a.b: X-B}}'
  const yaml = config('', caller).replace('grants: [{roles: [reader]}]', `grants: [${inline(grants)}]`)
  const gateway = await start(t, yaml)
  const cases: [name: string, more: Claims, tools: string[] | undefined][] = [
    ['nested', { realm_access: { roles: ['x', 'mcp'] } }, ['get_a']],
    ['flat', { 'realm_access.roles': 'mcp' }, ['get_a']],
    ['flat comes first', { 'realm_access.roles': 'x', realm_access: { roles: 'mcp' } }, undefined],
    ['a name with dots inside', { resource_access: { 'my.client': { roles: ['mcp'] } } }, ['set_a']],
    ['deeper', { resource_access: { my: { client: { roles: ['mcp'] } } } }, ['set_a']],
    ['a URL is a name', { 'https://example.com/roles': ['mcp'] }, ['set_a']],
    ['a number', { a: { level: 3 } }, ['set_a']],
    ['a list is not an object', { realm_access: [{ roles: 'mcp' }] }, undefined],
    ['of the prototype', { realm_access: {} }, undefined],
    ['null on the way', { realm_access: null }, undefined],
    ['text on the way', { realm_access: 'roles' }, undefined],
  ]
  for (const [name, more, tools] of cases) {
    const answer = await ask(gateway, bearer(await token(more)))
    t.strictSame([answer.status, answer.tools], tools === undefined ? [403, []] : [200, tools], name)
  }
  const rich = { realm_access: { roles: ['mcp', 'b'] }, address: { city: 'Ulm' }, a: { b: { c: 1 } } }
  t.equal((await ask(gateway, { ...bearer(await token(rich)), 'x-b': 'forged' })).status, 200)
  const { headers } = upstream.arrivals.at(-1)!
  t.match(headers, { 'x-realm-roles': 'mcp,b', 'x-city': 'Ulm' })
  t.notOk('x-b' in headers, 'an object is left out, and so is what the client sent')
  const repeated = JSON.stringify(claims({ realm_access: { roles: 'x' } })).replace(
    '"roles":"x"',
    '"roles":"x","roles":"mcp"',
  )
  const forged = forgeToken(key.privateKey, { alg: 'ES256', kid: 'one' }, repeated)
  t.match(await ask(gateway, bearer(forged)), { status: 401, detail: 'token_claims' })
})

/** Returns a block list as a flow list. */
function inline(list: string): string {
  return list
    .trim()
    .split('\n')
    .map(item => item.trim().slice(2))
    .join(', ')
}

t.test('tokens without aud are accepted of listed clients only', async t => {
  const plain = await start(t, config())
  const without = { aud: undefined, client_id: 'robot' }
  const refused = await ask(plain, bearer(await token(without)))
  t.match(refused, { status: 401, detail: 'token_no_audience', message: /no audience/ })

  const gateway = await start(t, config(', clients: [robot, other]'))
  const cases: [name: string, more: Claims, detail: string | undefined][] = [
    ['by client_id', without, undefined],
    ['by azp', { aud: undefined, azp: 'robot' }, undefined],
    ['by both', { ...without, azp: 'other' }, undefined],
    ['with an audience, as ever', {}, undefined],
    ['of another client', { aud: undefined, client_id: 'evil' }, 'token_client'],
    ['of two clients, one of them unknown', { ...without, azp: 'evil' }, 'token_client'],
    ['of no client', { aud: undefined }, 'token_client'],
    ['of a list of clients', { aud: undefined, client_id: ['robot'] }, 'token_client'],
    ['for another audience', { client_id: 'robot', aud: 'https://other.example.com' }, 'token_audience'],
    ['for no audience at all', { client_id: 'robot', aud: [] }, 'token_audience'],
    ['for null', { client_id: 'robot', aud: null }, 'token_audience'],
    ['an ID token', { ...without, token_use: 'id' }, 'token_is_id_token'],
  ]
  for (const [name, more, detail] of cases) {
    const answer = await ask(gateway, bearer(await token(more)))
    t.strictSame([answer.status, answer.detail], [detail === undefined ? 200 : 401, detail], name)
  }
  const loaded = load(gateway.configPath, { env, now: new Date() })
  t.strictSame(loaded.diagnostics, [])
})

t.test('a JWT in another header is judged, and withheld upstream', async t => {
  const gateway = await start(t, config(', header: Cf-Access-Jwt-Assertion'))
  const text = await token()
  for (const value of [text, `Bearer ${text}`]) {
    const answer = await ask(gateway, { 'cf-access-jwt-assertion': value })
    t.strictSame([answer.status, answer.tools], [200, ['get_a']])
    t.notMatch(JSON.stringify(upstream.arrivals.at(-1)), text)
  }
  for (const headers of [bearer(text), { 'cf-access-jwt-assertion': '' }, {}]) {
    const missing = await ask(gateway, headers)
    t.match(missing, { status: 401, detail: 'credential_missing', message: /Cf-Access-Jwt-Assertion/ })
    t.equal(missing.challenge, 'Bearer realm="main", in="header", name="Cf-Access-Jwt-Assertion"')
  }
  for (const value of [`${text}, ${text}`, `Basic ${text}`, 'x', `${text}x`]) {
    const { status, challenge } = await ask(gateway, { 'cf-access-jwt-assertion': value })
    t.equal(status, 401, value.slice(0, 8))
    t.match(challenge, /name="Cf-Access-Jwt-Assertion", error="invalid_token"/)
  }
  const ofUser = await ask(gateway, { ...bearer('of-the-upstream'), 'cf-access-jwt-assertion': text })
  t.equal(ofUser.status, 200, 'Authorization is not read')
  t.notMatch(JSON.stringify(upstream.arrivals.at(-1)), 'of-the-upstream')
})

t.test(
  'a header with tokens is none that something else needs, and none that holds keys to introspect',
  async t => {
    const gateway = await start(t, config())
    const codes = (yaml: string): string[] => {
      writeFileSync(gateway.configPath, `version: 1\nlisten: {publicUrl: "${publicUrl}"}\n${yaml}`)
      return load(gateway.configPath, { env, now: new Date() }).diagnostics.map(({ code }) => code)
    }
    const proxies = (auth: string): string =>
      `proxies: {main: {auth: ${auth}, upstream: {url: "${upstream.url}"}}}\n`
    const method = (more: string, type = 'jwt'): string =>
      `{type: ${type}, issuer: "https://idp.example.com", ${more}}`
    const refused = 'Cookie Host Origin Content-Type Mcp-Session-Id Accept traceparent X-Request-Id'.split(
      ' ',
    )
    for (const header of refused) {
      const yaml = `auth: {sso: ${method(`header: ${header}`)}}\n${proxies('[sso]')}`
      t.strictSame(codes(yaml), ['GH1309'], header)
    }
    for (const header of [
      'Authorization',
      'authorization',
      'X-Goog-IAP-JWT-Assertion',
      'X-Amzn-Oidc-Accesstoken',
    ])
      t.strictSame(codes(`auth: {sso: ${method(`header: ${header}`)}}\n${proxies('[sso]')}`), [], header)
    const login = `auth: {sso: ${method('header: X-Token', 'oauth')}}\n${proxies('[sso]')}`
    t.strictSame(codes(login), ['GH1309'], 'clients that log in use Authorization')

    const asking = 'header: X-Token, introspection: {clientId: a, clientSecret: {env: SECRET}}'
    const withKeys = (name: string, scheme = ''): string =>
      `auth: {sso: ${method(asking)}, keys: {type: api-key, name: ${name}${scheme}}}\n${proxies('[sso, keys]')}`
    t.strictSame(codes(withKeys('X-Token')), ['GH1313'])
    t.strictSame(codes(withKeys('x-token', ', scheme: Key')), ['GH1313'])
    t.strictSame(codes(withKeys('Authorization')), [])
    const both = `auth: {sso: ${method('header: X-Token')}, other: ${method('clients: [a]')}}\n${proxies('[sso, other]')}`
    t.strictSame(codes(both), [], 'one issuer, two headers')
  },
)

t.test('a header with tokens is withheld from every upstream, whatever its name', async t => {
  const open = `  open: {auth: none, upstream: {url: "${upstream.url}"}}\n`
  const gateway = await start(t, config(', header: X-Team-Token') + open)
  const text = await token()
  t.equal((await ask(gateway, { 'x-team-token': text }, 'open')).status, 200)
  t.notMatch(JSON.stringify(upstream.arrivals.at(-1)), text)
  t.equal((await ask(gateway, { 'x-team-token': text })).status, 200)
})
