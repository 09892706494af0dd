import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { UnauthorizedError } from '@modelcontextprotocol/client'
import { generateKeyPairSync } from 'node:crypto'
import t, { type Test } from 'tap'
import { parseAnswer } from './fixtures/answer.ts'
import { textOf } from '../gateway/mcp/refusal-table.ts'
import { startAuthorizationServer } from './fixtures/authorization-server.ts'
import { startExample } from './fixtures/example.ts'
import { startTestGateway, type TestGateway } from './fixtures/gateway.ts'
import { startMock } from './fixtures/mock.ts'
import { createMemoryProvider, logIn, publicClient } from './fixtures/oauth-client.ts'
import { until } from './fixtures/until.ts'
import { listOrStream, startTestUpstream } from './fixtures/upstream.ts'

const secret = 'canary: of+the client/secret% 0123456789abcdef'
const signing = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const confidential = { client_secret: secret, grant_types: ['client_credentials'] }
const server = await startAuthorizationServer([
  { ...publicClient, scope: 'mcp:read mcp:write' },
  { ...confidential, client_id: 'gatehouse' },
  { ...confidential, client_id: 'post', token_endpoint_auth_method: 'client_secret_post' },
  {
    client_id: 'signer',
    token_endpoint_auth_method: 'private_key_jwt',
    token_endpoint_auth_signing_alg: 'ES256',
    jwks: { keys: [{ ...signing.publicKey.export({ format: 'jwk' }), kid: 'k1', use: 'sig' }] },
  },
])
server.format = 'opaque'
t.teardown(server.close)
const upstream = await startTestUpstream(listOrStream)
t.teardown(upstream.close)

const env = {
  INTROSPECTION_SECRET: secret,
  CLIENT_KEY: signing.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
}

/** Advances the clock of this process. */
function clock(t: Test): (milliseconds: number) => void {
  const real = Date.now
  let ahead = 0
  Date.now = () => real() + ahead
  t.teardown(() => void (Date.now = real))
  return milliseconds => void (ahead += milliseconds)
}

async function tokenFor(resource: string, client = 'gatehouse'): Promise<string> {
  const response = await fetch(server.tokenUrl, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(`${client}:${encodeURIComponent(secret)}`)}` },
    body: new URLSearchParams({ grant_type: 'client_credentials', resource, scope: 'mcp:read' }),
  })
  return ((await response.json()) as { access_token: string }).access_token
}

async function revoke(token: string, parameters: Record<string, string>): Promise<void> {
  const response = await fetch(`${server.tokenUrl}/revocation`, {
    method: 'POST',
    body: new URLSearchParams({ token, ...parameters }),
  })
  if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`)
}

async function ask(
  url: string,
  token: string,
): Promise<{ status: number; reason: string | undefined; headers: Headers }> {
  const { status, headers, ...response } = await fetch(url, {
    method: 'POST',
    body: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
  }).then(async one => ({
    status: one.status,
    headers: one.headers,
    ...(parseAnswer(await one.text()) as { error?: { data: { reason: string } } }),
  }))
  return { status, reason: response.error?.data.reason, headers }
}

const resource = 'https://mcp.example.com/main/mcp'

const basic = '{clientId: gatehouse, clientSecret: {env: INTROSPECTION_SECRET}}'
const config = (introspection: string, pattern = '*'): string => `
listen:
  publicUrl: https://mcp.example.com
auth:
  sso: {type: jwt, issuer: "${server.issuer}", introspection: ${introspection}, grants: [{roles: [all]}]}
roles: {all: {access: {main: {tools: {allow: ["${pattern}"]}}}}}
proxies: {main: {auth: [sso], upstream: {url: "${upstream.url}"}}}
`

async function start(t: Test, introspection: string): Promise<TestGateway> {
  const gateway = await startTestGateway(config(introspection), { env, watch: false })
  t.teardown(gateway.close)
  return gateway
}

t.test('an official client logs in with an opaque token, until it is revoked', async t => {
  const advance = clock(t)
  const { url: mock } = await startMock(t)
  const example = join(import.meta.dirname, '../examples/oauth/gateway.yaml')
  const text = readFileSync(example, 'utf8')
  t.match(text, /^ {4}# introspection:/m)
  const path = join(t.testdir(), 'gateway.yaml')
  // With one worker, so that this thread and the gateway share a clock.
  writeFileSync(path, `${text.replace('# introspection:', 'introspection:')}\nworkers: 1\n`)
  const gateway = await startExample(t, path, { ...env, ISSUER: server.issuer, MOCK_URL: mock })

  const url = `${gateway.url}/mock/mcp`
  const provider = createMemoryProvider()
  const client = await logIn(t, url, provider)
  const { access_token: token } = (await provider.tokens())!
  t.notMatch(token, /\./, 'it is no JWT')
  t.ok((await client.listTools()).tools.length > 0)
  const call = (): Promise<unknown> => client.callTool({ name: 'get_users', arguments: {} })
  t.match(await call(), { content: [{ type: 'text' }] })
  t.equal(server.introspections, 1)

  await revoke(token, { client_id: 'desktop' })
  t.match(await call(), { content: [{ type: 'text' }] }, 'what was said a moment ago counts')
  advance(60_000)
  const { status, reason, headers } = await ask(`${gateway.url}/mock/mcp`, token)
  t.strictSame([status, reason], [401, 'credential_invalid'])
  t.equal(
    headers.get('www-authenticate'),
    `Bearer error="invalid_token", error_description="the token is not active", resource_metadata="${gateway.url}/.well-known/oauth-protected-resource/mock/mcp", scope="mcp:read"`,
  )
  t.equal(server.introspections, 2)
  await t.rejects(call(), UnauthorizedError)
  t.equal(provider.visited.length, 2, 'the client is sent to log in again')
})

t.test('the gateway authenticates with a secret or a signature, and logs neither', async t => {
  const key = env.CLIENT_KEY.split('\n')[1]!
  const ways: [string, string | undefined][] = [
    [basic, undefined],
    [
      `{url: "${server.tokenUrl}/introspection", clientId: post, method: client_secret_post, clientSecret: {env: INTROSPECTION_SECRET}}`,
      undefined,
    ],
    ['{clientId: signer, privateKey: {env: CLIENT_KEY}, keyId: k1}', undefined],
    ['{clientId: nobody, clientSecret: {env: INTROSPECTION_SECRET}}', 'introspection_401_invalid_client'],
    [
      `{url: "${server.issuer}/nowhere", clientId: gatehouse, clientSecret: {env: INTROSPECTION_SECRET}}`,
      'introspection_404',
    ],
  ]
  for (const [introspection, failure] of ways) {
    const gateway = await start(t, introspection)
    const token = await tokenFor(resource)
    const { status, reason, headers } = await ask(`${gateway.url}/main/mcp`, token)
    const failed = failure !== undefined
    t.strictSame([status, reason], failed ? [503, 'issuer_unavailable'] : [200, undefined], introspection)
    t.equal(headers.get('retry-after'), failed ? '5' : null)
    t.equal(headers.get('www-authenticate'), null)
    await until(() => gateway.lines.some(line => line['event'] === 'request'), 'the request was logged')
    const warnings = gateway.lines.filter(line => line['event'] === 'introspection_failed')
    t.strictSame(
      warnings.map(line => line['reason']),
      failed ? [failure] : [],
    )
    const metrics = await gateway.metrics()
    const result = failed ? (failure.includes('401') ? 'unauthorized' : 'failed') : 'active'
    t.match(metrics, `gatehouse_introspections_total{method="sso",result="${result}"} 1\n`)
    const seen = [gateway.logText(), JSON.stringify(await gateway.status()), metrics].join('\n')
    for (const one of [token, secret, encodeURIComponent(secret), key]) t.notOk(seen.includes(one))
  }
})

t.test('a hundred first requests with a token ask one question, and a reload asks none', async t => {
  const gateway = await start(t, basic)
  const token = await tokenFor(resource)
  const before = server.introspections
  const answers = await Promise.all(Array.from({ length: 100 }, () => ask(`${gateway.url}/main/mcp`, token)))
  t.ok(answers.every(({ status }) => status === 200))
  t.equal(server.introspections, before + 1)
  const { revision } = await gateway.status()
  gateway.write(config(basic, 'get_*'))
  await gateway.reload()
  t.not((await gateway.status()).revision, revision)
  t.equal((await ask(`${gateway.url}/main/mcp`, token)).status, 200)
  t.equal(server.introspections, before + 1)
})

t.test('a token that was issued for another resource is refused', async t => {
  const gateway = await start(t, basic)
  const elsewhere = await ask(`${gateway.url}/main/mcp`, await tokenFor('https://mcp.example.com/other/mcp'))
  t.strictSame([elsewhere.status, elsewhere.reason], [401, 'credential_invalid'])
  t.match(elsewhere.headers.get('www-authenticate'), textOf('token_audience'))
})
