import { writeFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startIssuer as startExampleIssuer } from '../examples/jwt/issuer.ts'
import { startMockServer } from '../examples/mock-server/server.ts'
import { load } from '../gateway/config/load.ts'
import { startExample } from './fixtures/example.ts'
import { connect } from './fixtures/clients.ts'
import { startTestGateway, type TestGateway } from './fixtures/gateway.ts'
import {
  createIssuerKey,
  signToken,
  startTestIssuer,
  type IssuerKey,
  type TestIssuer,
} from './fixtures/issuer.ts'
import { listOrStream, startTestUpstream } from './fixtures/upstream.ts'
import { listTools as ask } from './fixtures/list-tools.ts'
import { until } from './fixtures/until.ts'

const upstream = await startTestUpstream(listOrStream)
t.teardown(upstream.close)

const key = await createIssuerKey('ES256', 'one')
const next = await createIssuerKey('EdDSA', 'two')
const publicUrl = 'https://mcp.example.com'

async function startIssuer(t: Test, path = ''): Promise<TestIssuer> {
  const issuer = await startTestIssuer([key], path)
  t.teardown(issuer.close)
  return issuer
}

async function start(t: Test, yaml: string, watch = false): Promise<TestGateway> {
  const gateway = await startTestGateway(yaml, { watch })
  t.teardown(gateway.close)
  return gateway
}

const config = (issuer: TestIssuer, grants = '[{roles: [reader, writer]}]', more = ''): string => `
listen:
  publicUrl: ${publicUrl}
auth:
  sso: {type: jwt, issuer: "${issuer.url}", grants: ${grants}${more}}
roles:
  reader: {access: {"*": {tools: {allow: ["get_*"]}}}}
  writer: {access: {"*": {tools: {allow: ["set_*"]}}}}
  runner: {access: {"*": {tools: {allow: ["run_*"]}}}}
proxies:
  main: {auth: [sso], upstream: {url: "${upstream.url}"}}
  open: {auth: none, upstream: {url: "${upstream.url}"}}
`

function token(issuer: TestIssuer, more: Record<string, unknown> = {}, by: IssuerKey = key): Promise<string> {
  const exp = Math.floor(Date.now() / 1000) + 300
  return signToken(by, { iss: issuer.url, aud: `${publicUrl}/main/mcp`, sub: 'ann', exp, ...more })
}

/** Opens a stream by GET; returns when it ended, and its text. */
function openStream(
  gateway: TestGateway,
  text: string,
): Promise<{ ended: () => number; text: () => string }> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${text}`, accept: 'text/event-stream' }
    const sent = httpRequest(`${gateway.url}/main/mcp`, { headers, agent: false }, response => {
      if (response.statusCode !== 200) return reject(new Error(`status ${response.statusCode}`))
      let [read, end] = ['', 0]
      response.setEncoding('utf8').on('data', (chunk: string) => (read += chunk))
      response.on('error', () => {}).on('close', () => (end = Date.now()))
      response.once('data', () => resolve({ ended: () => end, text: () => read }))
      return undefined
    })
    sent.on('error', reject).end()
  })
}

t.test('the upstream gets claims of the token, but not the token', async t => {
  const issuer = await startIssuer(t)
  const caller = 'caller: {claims: {email: X-Email, groups: X-Groups, missing: X-Missing}}'
  const yaml = config(issuer).replace(
    `main: {auth: [sso], upstream: {`,
    `main: {auth: [sso], upstream: {${caller}, `,
  )
  const gateway = await start(t, yaml)
  const text = await token(issuer, { email: 'ann@example.com', groups: ['a', 'b'] })
  for (let round = 0; round < 2; round++) {
    t.equal(
      (await ask(gateway, text, 'main', { 'X-Email': 'root@example.com', 'X-Missing': 'x' })).status,
      200,
    )
    const { headers } = upstream.arrivals.at(-1)!
    t.match(headers, {
      'x-email': 'ann@example.com',
      'x-groups': 'a,b',
      'x-gatehouse-principal': `${issuer.url}#ann`,
    })
    t.notOk('x-missing' in headers)
    t.notMatch(JSON.stringify(headers), text)
  }
})

t.test('every grant that matches gives its roles: by exact value, pattern, membership or scope', async t => {
  const issuer = await startIssuer(t)
  const cases: [condition: string, fits: Record<string, unknown>[], fitsNot: Record<string, unknown>[]][] = [
    ['{}', [{}], []],
    [
      '{claims: {groups: platform}}',
      [{ groups: 'platform' }, { groups: ['x', 'platform'] }],
      [
        {},
        { groups: 'platforms' },
        { groups: ['x'] },
        { groups: [['platform']] },
        { groups: { platform: 1 } },
      ],
    ],
    [
      '{claims: {sub: "svc-*"}}',
      [{ sub: 'svc-a' }, { sub: 'svc-a/b' }],
      [{ sub: 'a-svc-a' }, { sub: 'Svc-a' }],
    ],
    [
      '{claims: {email: [a@x, "*@y"]}}',
      [{ email: 'a@x' }, { email: 'b@y' }],
      [{ email: 'b@x' }, { email: null }],
    ],
    ['{claims: {level: 3}}', [{ level: 3 }, { level: [1, 3] }], [{ level: '3' }, { level: 4 }]],
    ['{claims: {staff: true}}', [{ staff: true }], [{ staff: 'true' }, { staff: 1 }, { staff: false }]],
    ['{claims: {team: a, staff: true}}', [{ team: 'a', staff: true }], [{ team: 'a' }, { staff: true }]],
    ['{claims: {"*": a}}', [], [{ b: 'a' }]],
    ['{claims: {constructor: "*", toString: "*"}}', [], [{}]],
    [
      '{scopes: [mcp:read]}',
      [{ scope: 'mcp:read' }, { scope: 'x mcp:read' }, { scp: 'mcp:read' }, { scp: ['x', 'mcp:read'] }],
      [{}, { scope: 'mcp:read2' }, { scope: 'MCP:READ' }, { scope: 7 }, { scp: ['x mcp:read'] }],
    ],
    ['{scopes: [a, b]}', [{ scope: 'b a' }, { scope: 'a', scp: ['b'] }], [{ scope: 'a' }, { scope: 'ab' }]],
    ['{claims: {team: a}, scopes: [s]}', [{ team: 'a', scope: 's' }], [{ team: 'a' }, { scope: 's' }]],
  ]
  const gateway = await start(t, config(issuer, '[]'))
  t.equal((await ask(gateway, await token(issuer))).reason, 'forbidden', 'without a grant nothing is allowed')
  for (const [condition, fits, fitsNot] of cases) {
    gateway.write(
      config(issuer, `[{when: ${condition}, roles: [writer, runner]}, {roles: [reader]}, {roles: [reader]}]`),
    )
    await gateway.reload()
    for (const [claims, tools] of [
      ...fits.map(one => [one, ['get_a', 'set_a', 'run_a']] as const),
      ...fitsNot.map(one => [one, ['get_a']] as const),
    ]) {
      const answer = await ask(gateway, await token(issuer, claims))
      t.strictSame(answer.tools, tools, `${condition} and ${JSON.stringify(claims)}`)
    }
  }
  t.equal(issuer.fetches(), 1, 'the reloads kept the keys')
})

t.test('an unreachable issuer does not affect others', async t => {
  const issuer = await startIssuer(t)
  issuer.up = false
  const gateway = await start(t, config(issuer))
  const text = await token(issuer)
  t.equal((await ask(gateway, text, 'open')).status, 200)
  const refused = await ask(gateway, text)
  t.strictSame([refused.status, refused.reason], [503, 'keys_unavailable'])
  t.match(refused.headers.get('retry-after'), /^\d+$/)
  t.equal(refused.headers.get('www-authenticate'), null, 'the token may be valid')
  t.equal((await ask(gateway, 'nonsense')).reason, 'credential_invalid')
  issuer.up = true
  await until(async () => (await ask(gateway, text)).status === 200, 'the keys are there')
  issuer.up = false
  t.equal((await ask(gateway, text)).status, 200, 'the keys stay when it is unreachable again')
  t.equal((await ask(gateway, await token(issuer, { sub: 'ben' }))).status, 200)
  const metrics = await gateway.metrics()
  t.match(metrics, /gatehouse_jwks_fetches_total\{method="sso",result="failed"\} \d+\n/)
  t.match(metrics, 'gatehouse_jwks_fetches_total{method="sso",result="fetched"} 1\n')
  t.match(metrics, /gatehouse_jwks_age_seconds\{method="sso"\} \d+\n/)
})

t.test('keys are fetched only for methods that some proxy accepts', async t => {
  const [issuer, idle] = [await startIssuer(t), await startIssuer(t)]
  const yaml = (auth: string): string =>
    config(issuer)
      .replace('auth:\n', `auth:\n  idle: {type: jwt, issuer: "${idle.url}", grants: [{roles: [reader]}]}\n`)
      .replace('roles:\n', '  unused: {type: api-key, name: X-Unused}\nroles:\n')
      .replace('auth: [sso]', `auth: ${auth}`)
  const gateway = await start(t, yaml('[sso]'))
  t.equal((await ask(gateway, await token(issuer), 'main', { 'x-unused': 'canary' })).status, 200)
  t.notMatch(upstream.arrivals.at(-1)!.headers, { 'x-unused': /./ }, 'it is still a credential')
  t.strictSame(idle.asked, [])
  t.notMatch(await gateway.metrics(), 'method="idle"')
  gateway.write(yaml('[sso, idle]'))
  await gateway.reload()
  t.equal((await ask(gateway, await token(idle))).status, 200)
  t.equal(idle.fetches(), 1)
})

t.test('metadata of another issuer is refused; keys may come from a URL or a file', async t => {
  const issuer = await startIssuer(t, '/realms/one')
  issuer.says = 'https://evil.example.com'
  const gateway = await start(t, config(issuer))
  const text = await token(issuer)
  t.equal((await ask(gateway, text)).reason, 'keys_unavailable')
  t.equal(issuer.fetches(), 0)
  const { origin } = new URL(issuer.url)
  gateway.write(config(issuer, '[{roles: [reader]}]', `, jwks: {url: "${origin}/keys"}`))
  await gateway.reload()
  t.equal((await ask(gateway, text)).status, 200)
  gateway.write(config(issuer, '[{roles: [reader]}]', ', jwks: {file: keys.json}'))
  writeFileSync(`${gateway.folder}/keys.json`, JSON.stringify({ keys: [next.publicJwk] }))
  await gateway.reload()
  t.equal((await ask(gateway, text)).reason, 'credential_invalid')
  t.equal((await ask(gateway, await token(issuer, {}, next))).status, 200)
  writeFileSync(`${gateway.folder}/keys.json`, JSON.stringify({ keys: [key.publicJwk] }))
  await gateway.reload()
  t.equal((await ask(gateway, text)).status, 200, 'the file is part of the revision')
})

t.test('keys are rotated under load without a single refusal', async t => {
  const issuer = await startIssuer(t)
  const gateway = await start(t, config(issuer))
  let signing = key
  let sent = 0
  const statuses = new Map<number, number>()
  const stop = new AbortController()
  const fire = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      const { status } = await ask(gateway, await token(issuer, { jti: `${sent++}` }, signing))
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
    }
  }
  const shots = Array.from({ length: 8 }, fire)
  await until(() => sent > 100, 'tokens of the first key were sent')
  issuer.keys = [next.publicJwk, key.publicJwk]
  signing = next
  const then = sent
  await until(() => sent > then + 100, 'tokens of the next key were sent')
  stop.abort()
  await Promise.all(shots)
  t.strictSame([...statuses.keys()], [200])
  t.equal(issuer.fetches(), 2)
})

t.test('a stream ends when its token expires', async t => {
  const issuer = await startIssuer(t)
  const gateway = await start(t, config(issuer, '[{roles: [reader]}]', ', clockSkew: 0s'))
  const exp = Math.floor(Date.now() / 1000) + 2
  const stream = await openStream(gateway, await token(issuer, { exp }))
  const lasting = await openStream(gateway, await token(issuer))
  await until(() => stream.ended() > 0, 'it ended')
  t.ok(stream.ended() >= exp * 1000, 'not before')
  t.ok(stream.ended() < exp * 1000 + 1000, 'within a second')
  t.equal(lasting.ended(), 0)
  t.equal((await gateway.status()).openStreams, 1)
})

t.test('a stream ends when its key is removed from the key set', async t => {
  const issuer = await startIssuer(t)
  issuer.keys = [key.publicJwk, next.publicJwk]
  const third = await createIssuerKey('ES256', 'three')
  const gateway = await start(t, config(issuer))
  const [gone, kept] = [await token(issuer), await token(issuer, {}, next)]
  const streams = [await openStream(gateway, gone), await openStream(gateway, kept)]
  issuer.keys = [next.publicJwk, third.publicJwk]
  t.equal((await ask(gateway, await token(issuer, {}, third))).status, 200, 'the keys are fetched again')
  t.equal((await ask(gateway, gone)).reason, 'credential_invalid')
  await until(() => streams[0]!.ended() > 0, 'it ended')
  t.equal((await gateway.status()).openStreams, 1)
  t.equal(streams[1]!.ended(), 0)

  const file = join(gateway.folder, 'keys.json')
  const publish = (keys: unknown[]): void => writeFileSync(file, JSON.stringify({ keys }))
  const fromFile = (host: string): string =>
    config(issuer, undefined, `, jwks: {file: "${file}"}`).replace(
      'listen:\n',
      `listen:\n  allowedHosts: [${host}]\n`,
    )
  publish([next.publicJwk, key.publicJwk])
  gateway.write(fromFile('one'))
  await gateway.reload()
  await until(() => streams[1]!.ended() > 0, 'another place of the keys is another auth method')
  const others = [await openStream(gateway, gone), await openStream(gateway, kept)]
  gateway.write(fromFile('two'))
  await gateway.reload()
  publish([next.publicJwk])
  await gateway.reload()
  await until(() => others[0]!.ended() > 0, 'it ended')
  t.match(
    gateway.lines.findLast(line => line['event'] === 'request'),
    { reason: 'credential_invalid' },
  )
  t.equal((await gateway.status()).openStreams, 1)
  t.equal((await ask(gateway, kept)).status, 200)
})

t.test('a stream ends when its grants are reduced, and continues when they are extended', async t => {
  const issuer = await startIssuer(t)
  const both = '[{when: {claims: {groups: ops}}, roles: [writer]}, {roles: [reader]}]'
  const gateway = await start(t, config(issuer, both))
  const operator = await openStream(gateway, await token(issuer, { groups: ['ops'] }))
  const reader = await openStream(gateway, await token(issuer, { sub: 'ben' }))
  const apply = async (yaml: string): Promise<void> => {
    const before = (await gateway.status()).revision
    gateway.write(yaml)
    await gateway.reload()
    t.not((await gateway.status()).revision, before)
  }
  await apply(config(issuer, `[{roles: [runner]}, ${both.slice(1)}`))
  t.equal((await gateway.status()).openStreams, 2, 'wider')
  await apply(config(issuer, both))
  t.equal((await gateway.status()).openStreams, 2, 'both are still open')
  await apply(config(issuer, both.replace('ops', 'dev')))
  await until(() => operator.ended() > 0, 'the one who lost a role is out')
  t.equal((await gateway.status()).openStreams, 1)
  t.equal(reader.ended(), 0)
  await apply(config(issuer, both.replace('ops', 'dev'), ', algorithms: [ES256]'))
  await until(() => reader.ended() > 0, 'another auth method is another ground')
})

t.test('the example serves official clients as its README says', async t => {
  const mock = await startMockServer({ port: 0 })
  t.teardown(mock.close)
  const example = await startExampleIssuer(0, `${publicUrl}/mock/mcp`)
  t.teardown(example.close)
  const path = join(import.meta.dirname, '../examples/jwt/gateway.yaml')
  t.strictSame(load(path, { env: {}, now: new Date() }).diagnostics, [], 'valid without any variable')
  const gateway = await startExample(t, path, {
    ISSUER: example.url,
    PUBLIC_URL: publicUrl,
    MOCK_URL: mock.url,
  })
  const url = `${gateway.url}/mock/mcp`
  const listed = async (query: string): Promise<string[]> => {
    const text = await (await fetch(`${example.url}/token?${query}`)).text()
    const client = await connect(url, { era: 'auto', headers: { authorization: `Bearer ${text}` } })
    const tools = await client.listTools()
    await client.close()
    return tools.map(({ name }) => name)
  }
  t.equal((await listed('groups=platform')).length, 15)
  const read = await listed('scope=mcp:read')
  t.ok(read.length > 0 && read.every(name => name.startsWith('get_')))
  const statusOf = (query: string): Promise<unknown> =>
    listed(query).catch((error: unknown) => (error as { status: number }).status)
  t.equal(await statusOf(''), 403)
  t.equal(await statusOf('groups=platform&aud=https://elsewhere.example.com'), 401)
})
