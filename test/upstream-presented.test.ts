import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { callerHeaders } from '../gateway/http/exchange/caller.ts'
import { anonymous } from '../gateway/auth/principal.ts'
import { hashSecret } from '../gateway/auth/api-key/key.ts'
import { parseAnswer } from './fixtures/answer.ts'
import { startTestGateway, type TestGateway } from './fixtures/gateway.ts'
import { until } from './fixtures/until.ts'
import { event, json, messageOf, sse, startTestUpstream, type TestUpstream } from './fixtures/upstream.ts'

const key = 'canary-of-the-caller-0123456789abcdef0123456'
const secret = 'canary of the query&=#?+%/é'

async function startUpstream(t: Test): Promise<TestUpstream> {
  const upstream = await startTestUpstream((arrival, response) => {
    if (arrival.method === 'GET') {
      sse(response)
      response.write(event({ jsonrpc: '2.0', method: 'notifications/message', params: {} }))
    } else json(response, { jsonrpc: '2.0', id: messageOf(arrival).id, result: {} })
  })
  t.teardown(upstream.close)
  return upstream
}

const configuration = (upstream: string, auth = '[keys]'): string => `
auth: {keys: {type: api-key}}
roles:
  all: {access: {"*": {tools: {allow: ["*"]}}}}
  reader: {access: {"*": {tools: {allow: ["*"]}}}}
keys: {ci-agent: {roles: [all, reader], secrets: [{hash: "${hashSecret(key)}"}]}}
proxies: {main: {auth: ${auth}, upstream: ${upstream}}}
`

async function startGateway(t: Test, yaml: string, env: Record<string, string> = {}): Promise<TestGateway> {
  const gateway = await startTestGateway(yaml, { env })
  t.teardown(gateway.close)
  return gateway
}

/** Returns the code of a JSON-RPC error; undefined if there is none. */
const errorCodeOf = (text: string): number | undefined =>
  text === '' ? undefined : (parseAnswer(text) as { error?: { code: number } }).error?.code

/** Calls with headers in any spelling, also several of one name. */
async function call(
  { url }: TestGateway,
  headers: readonly string[] = [],
  path = '/main/mcp',
): Promise<number> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'get_a' } })
  const all = [
    'Host',
    new URL(url).host,
    'Authorization',
    `Bearer ${key}`,
    'Content-Type',
    'application/json',
  ]
  const request = httpRequest(`${url}${path}`, { method: 'POST', headers: [...all, ...headers] })
  request.end(body)
  const [response] = (await once(request, 'response')) as [import('node:http').IncomingMessage]
  let text = ''
  for await (const chunk of response.setEncoding('utf8')) text += String(chunk)
  return errorCodeOf(text) ?? response.statusCode!
}

t.test('the token of a reference arrived without the scheme that servers ask for', async t => {
  const upstream = await startUpstream(t)
  const headers =
    'Authorization: {env: TOKEN, scheme: Bearer}, X-File: {file: token, scheme: Token}, X-Plain: {env: TOKEN, scheme: ""}'
  const gateway = await startTestGateway(configuration(`{url: "${upstream.url}", headers: {${headers}}}`), {
    env: { TOKEN: 'canary' },
    files: { token: 'canary-of-the-file\n' },
  })
  t.teardown(gateway.close)
  t.equal(await call(gateway, ['X-Plain', 'forged']), 200)
  t.match(upstream.arrivals[0]!.headers, {
    authorization: 'Bearer canary',
    'x-file': 'Token canary-of-the-file',
    'x-plain': 'canary',
  })
})

t.test('query parameters of the configuration arrive, and those of the client do not', async t => {
  const upstream = await startUpstream(t)
  const query = 'query: {api_key: {env: QUERY_SECRET}, "a b[]".x: {value: y}}'.replace('"a b[]".x', '"a&b[]"')
  const cases: [string, string][] = [
    ['', ''],
    ['?', ''],
    ['?tenant=1&x=%20', 'tenant=1&x=%20&'],
  ]
  for (const [search, before] of cases) {
    const gateway = await startGateway(t, configuration(`{url: "${upstream.url}${search}", ${query}}`), {
      QUERY_SECRET: secret,
    })
    t.equal(await call(gateway, [], '/main/mcp?api_key=forged&tenant=2'), 200)
    const { url } = upstream.arrivals.at(-1)!
    t.ok(url.startsWith(`/mcp?${before}api_key=`), url)
    const { searchParams } = new URL(url, upstream.url)
    t.strictSame(searchParams.getAll('api_key'), [secret])
    t.equal(searchParams.get('a&b[]'), 'y')
    await until(() => gateway.lines.some(line => line['event'] === 'request'), 'the call was logged')
    const seen = gateway.logText() + JSON.stringify(await gateway.status())
    t.notOk(seen.includes('canary'), 'and stand in no log')
  }
})

t.test('a URL without further parameters is sent as it was written', async t => {
  const upstream = await startUpstream(t)
  for (const search of ['', '?tenant=1&x=%20']) {
    const gateway = await startGateway(t, configuration(`{url: "${upstream.url}${search}"}`))
    await call(gateway)
    t.equal(upstream.arrivals.at(-1)!.url, `/mcp${search}`)
  }
})

const forged = [
  ['X-Gatehouse-Principal', 'root'],
  ['x-gatehouse-principal', 'root'],
  ['X_Gatehouse_Principal', 'root'],
  ['X-Gatehouse-Anything', 'root'],
  ['X-Kind', 'certificate'],
  ['x-roles', 'admin'],
].flat()

function told(upstream: TestUpstream): [string, string][] {
  const { rawHeaders } = upstream.arrivals.at(-1)!
  return rawHeaders.flatMap((name, index): [string, string][] =>
    index % 2 === 0 && /gatehouse|kind|roles/i.test(name) ? [[name, rawHeaders[index + 1]!]] : [],
  )
}

t.test('an upstream that accepts one Host header gets it, and no other text can be one', async t => {
  const upstream = await startUpstream(t)
  const gateway = await startGateway(t, configuration(`{url: "${upstream.url}", host: "localhost:8000"}`))
  t.equal(await call(gateway, ['X-Forwarded-Host', 'forged']), 200)
  t.equal(await call(gateway, ['X-Host', 'forged']), 200)
  t.strictSame(
    upstream.arrivals.map(({ rawHeaders }) =>
      rawHeaders.filter((_, index) => /^host$/i.test(rawHeaders[index - 1] ?? '')),
    ),
    [['localhost:8000'], ['localhost:8000']],
  )
  for (const host of ['a\\r\\nX-Injected: 1', 'a\\nb', 'a b', 'a/b', 'a@b', 'a:99999', 'a?b', '']) {
    const yaml = configuration(`{url: "${upstream.url}", host: "${host}"}`)
    const refused = await startTestGateway(yaml).catch((error: unknown) => error)
    t.match(refused, { name: 'ConfigRefused' }, host)
  }
})

t.test('the requests that look for the authorization server have the same Host header', async t => {
  const upstream = await startTestUpstream((_, response) => void response.writeHead(404).end())
  t.teardown(upstream.close)
  const auth = 'auth: {type: client-credentials, clientId: a, clientSecret: {env: S}}'
  const gateway = await startGateway(
    t,
    configuration(`{url: "${upstream.url}", host: "localhost:8000", ${auth}}`),
    { S: 'secret' },
  )
  await call(gateway)
  t.ok(upstream.arrivals.length > 1)
  t.ok(upstream.arrivals.every(({ headers }) => headers.host === 'localhost:8000'))
})

t.test('the upstream is told who called, and nobody else can tell it', async t => {
  const upstream = await startUpstream(t)
  const caller = 'caller: {kind: X-Kind, roles: X-Roles}'
  const gateway = await startGateway(t, configuration(`{url: "${upstream.url}", ${caller}}`))
  await call(gateway, forged)
  t.strictSame(told(upstream), [
    ['X-Gatehouse-Principal', 'ci-agent'],
    ['X-Kind', 'key'],
    ['X-Roles', 'all,reader'],
  ])
  const open = await startGateway(t, configuration(`{url: "${upstream.url}", ${caller}}`, 'none'))
  await call(open, forged)
  t.strictSame(told(upstream), [
    ['X-Gatehouse-Principal', 'anonymous'],
    ['X-Kind', 'anonymous'],
    ['X-Roles', ''],
  ])
  const silent = await startGateway(t, configuration(`{url: "${upstream.url}"}`))
  await call(silent, forged.slice(0, 8))
  t.strictSame(told(upstream), [])
})

t.test('names of callers are safe in a header, and can be taken back', async t => {
  const names = { principal: 'P', roles: 'R' }
  const cases: [string, string][] = [
    ['ci-agent', 'ci-agent'],
    ['https://idp.example.com/#ann', 'https://idp.example.com/#ann'],
    ['ann\r\nx: y', 'ann%0D%0Ax:%20y'],
    ['100%,é', '100%25%2C%C3%A9'],
    ['\ud800', '%EF%BF%BD'],
  ]
  for (const [name, value] of cases) {
    const principal = { ...anonymous, name, roles: [name, 'b'] }
    t.strictSame(callerHeaders(names, principal), [
      ['P', value],
      ['R', `${value},b`],
    ])
    if (name !== '\ud800') t.equal(decodeURIComponent(value), name)
  }
})

t.test('the upstream is told the claims that it is to know, and never the token', async t => {
  const names = {
    principal: 'P',
    claims: {
      email: 'E',
      groups: 'G',
      level: 'L',
      admin: 'A',
      address: 'X',
      constructor: 'C',
      long: 'O',
      note: 'N',
    },
  }
  const claims = {
    email: 'ann@example.com',
    groups: ['a,b', 'ü'],
    level: 3,
    admin: false,
    address: { city: 'Bonn' },
    long: 'x'.repeat(8193),
    note: 'it is opaque-token-0123456789',
  }
  const principal = { ...anonymous, claims }
  t.strictSame(callerHeaders(names, principal, 'opaque-token-0123456789'), [
    ['P', 'anonymous'],
    ['E', 'ann@example.com'],
    ['G', 'a%2Cb,%C3%BC'],
    ['L', '3'],
    ['A', 'false'],
  ])
  t.strictSame(callerHeaders(names, anonymous), [['P', 'anonymous']])

  const upstream = await startUpstream(t)
  const caller = 'caller: {claims: {email: X-Roles}}'
  const gateway = await startGateway(t, configuration(`{url: "${upstream.url}", ${caller}}`))
  await call(gateway, forged)
  t.strictSame(
    told(upstream),
    [
      ['X-Kind', 'certificate'],
      ['X-Gatehouse-Principal', 'ci-agent'],
    ],
    'nor can a client say it',
  )
})

/** A private authority, a server it vouches for as tools.internal, and clients of it and of nobody. */
function makeCertificates(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-tls-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const openssl = (...words: string[]) => execFileSync('openssl', words, { cwd: folder, stdio: 'pipe' })
  const fresh = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  openssl('req', '-x509', ...fresh, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=private authority')
  openssl(
    'req',
    '-x509',
    ...fresh,
    '-keyout',
    'stranger.key',
    '-out',
    'stranger.pem',
    '-subj',
    '/CN=stranger',
  )
  for (const name of ['tools.internal', 'gatehouse']) {
    openssl('req', ...fresh, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`)
    writeFileSync(join(folder, 'names'), `subjectAltName=DNS:${name}`)
    const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-extfile', 'names']
    openssl('x509', '-req', '-in', `${name}.csr`, '-out', `${name}.pem`, ...signed)
  }
  return folder
}

t.test('an upstream behind a private authority that asks for a certificate', async t => {
  const folder = makeCertificates(t)
  const read = (name: string) => readFileSync(join(folder, name), 'utf8')
  const peers: string[] = []
  const hosts: (string | undefined)[] = []
  const server = createServer(
    {
      cert: read('tools.internal.pem'),
      key: read('tools.internal.key'),
      ca: read('ca.pem'),
      requestCert: true,
      rejectUnauthorized: true,
    },
    (request, response) => {
      hosts.push(request.headers.host)
      peers.push((request.socket as TLSSocket).getPeerCertificate().subject.CN as string)
      request.resume()
      if (request.method === 'GET') {
        sse(response)
        response.write(event({ jsonrpc: '2.0', method: 'notifications/message', params: {} }))
      } else json(response, { jsonrpc: '2.0', id: 1, result: {} })
    },
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`
  const file = (name: string) => `{file: "${join(folder, name)}"}`
  const tls = (fields: string[]): string => configuration(`{url: "${url}", tls: {${fields.join(', ')}}}`)
  const ca = `ca: ${file('ca.pem')}`
  const own = `cert: ${file('gatehouse.pem')}, key: ${file('gatehouse.key')}`
  const name = 'serverName: tools.internal'

  t.test('is reached with its authority, its name and a certificate of ours', async t => {
    const gateway = await startGateway(t, tls([ca, own, name]))
    t.equal(await call(gateway), 200)
    t.strictSame(peers, ['gatehouse'])
  })
  t.test('is not reached without any one of them', async t => {
    const before = peers.length
    const cases = {
      'the authority': tls([own, name]),
      'a certificate': tls([ca, name]),
      'a certificate of the authority': tls([
        ca,
        `cert: ${file('stranger.pem')}, key: ${file('stranger.key')}`,
        name,
      ]),
      'the name': tls([ca, own]),
      'the right name': tls([ca, own, 'serverName: other.internal']),
      'any of it': configuration(`{url: "${url}"}`),
    }
    for (const [what, yaml] of Object.entries(cases)) {
      const gateway = await startGateway(t, yaml)
      t.equal(await call(gateway), 50201, what)
      const line = await until(() => gateway.lines.find(one => one['event'] === 'request'), 'it was logged')
      t.equal(line['reason'], 'upstream_unreachable')
    }
    t.equal(peers.length, before)
  })
  t.test(
    'gets the Host header of the configuration, which does not change the certificate check',
    async t => {
      hosts.length = 0
      const gateway = await startGateway(
        t,
        tls([ca, own, name]).replace(', tls:', ', host: "localhost:8000", tls:'),
      )
      t.equal(await call(gateway), 200)
      t.equal(await call(gateway), 200)
      t.strictSame(hosts, ['localhost:8000', 'localhost:8000'])
      const named = await startGateway(t, tls([ca, own]).replace(', tls:', ', host: tools.internal, tls:'))
      t.equal(await call(named), 50201, 'the certificate is not that of 127.0.0.1')
    },
  )
  t.test('is verified also where the environment asks Node not to', async t => {
    const { NODE_TLS_REJECT_UNAUTHORIZED: was } = process.env
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
    t.teardown(() => {
      if (was === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
      else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = was
    })
    const gateway = await startGateway(t, tls([own, name]))
    t.equal(await call(gateway), 50201)
  })
  t.test('is reached anew when a file with a certificate changes', async t => {
    writeFileSync(join(folder, 'live.pem'), read('stranger.pem'))
    const gateway = await startGateway(t, tls([`ca: ${file('live.pem')}`, own, name]))
    t.equal(await call(gateway), 50201)
    writeFileSync(join(folder, 'live.pem'), read('ca.pem'))
    await until(async () => (await call(gateway)) === 200, 'the new file was read')
    const opened = await fetch(`${gateway.url}/main/mcp`, {
      headers: { authorization: `Bearer ${key}`, accept: 'text/event-stream' },
    })
    t.equal(opened.status, 200)
    writeFileSync(join(folder, 'live.pem'), read('ca.pem') + read('stranger.pem'))
    await opened.text().catch(() => '')
    await until(async () => (await gateway.status()).openStreams === 0, 'the stream was over')
  })
  t.test('does not start with a key that is not that of the certificate', async t => {
    const mixed = tls([ca, `cert: ${file('gatehouse.pem')}, key: ${file('stranger.key')}`])
    const refused = await startTestGateway(mixed).catch((error: unknown) => error)
    t.match(refused, { name: 'ConfigRefused', result: { diagnostics: [{ code: 'GH1335' }] } })
  })
})

t.test('an open stream ends when what is presented upstream changes', async t => {
  const upstream = await startUpstream(t)
  const shapes = [
    '',
    ', query: {team: {value: a}}',
    ', host: localhost',
    ', query: {team: {value: b}}',
    ', caller: {}',
    ', caller: {kind: X-Kind}',
    ', auth: {type: client-credentials, tokenUrl: "http://127.0.0.1:9/token", clientId: a, clientSecret: {env: S}}',
    '',
  ].map(more => configuration(`{url: "${upstream.url}"${more}}`))
  const gateway = await startGateway(t, shapes[0]!, { S: 'secret' })
  for (const next of shapes.slice(1, -1)) {
    const opened = await fetch(`${gateway.url}/main/mcp`, {
      headers: { authorization: `Bearer ${key}`, accept: 'text/event-stream' },
    })
    t.equal(opened.status, 200)
    const { revision } = await gateway.status()
    gateway.write(next)
    await opened.text().catch(() => '')
    await until(async () => (await gateway.status()).revision !== revision, 'the change was applied')
  }
})
