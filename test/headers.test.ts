import type { IncomingMessage } from 'node:http'
import { request as httpRequest } from 'node:http'
import t from 'tap'
import { hashSecret } from '../gateway/auth/api-key/key.ts'
import { startTestGateway } from './fixtures/gateway.ts'
import { json, messageOf, startTestUpstream } from './fixtures/upstream.ts'

const key = 'canary-of-the-headers-test-0123456789abcdef'
let answer: { status: number; headers: Record<string, string | string[]>; body: string } | undefined
const upstream = await startTestUpstream((arrival, response) => {
  const { id } = messageOf(arrival)
  if (answer === undefined)
    return json(response, { jsonrpc: '2.0', id, result: { tools: [{ name: 'get_a' }] } })
  response.writeHead(answer.status, answer.headers).end(answer.body)
})
const gateway = await startTestGateway(`
auth: {keys: {type: api-key}}
roles: {reader: {access: {"*": {tools: {allow: ["get_*"]}}}}}
keys: {ann: {roles: [reader], secrets: [{hash: "${hashSecret(key)}"}]}}
proxies:
  mcp: {auth: [keys], upstream: {url: "${upstream.url}"}}
  few: {auth: [keys], upstream: {url: "${upstream.url}", forwardHeaders: [traceparent, "X-Tenant-*"]}}
`)
t.teardown(async () => {
  await gateway.close()
  await upstream.close()
})

const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'get_a' } }

function send(message: unknown, headers: Record<string, string> = {}, proxy = 'mcp', method = 'POST') {
  return new Promise<{ status: number; headers: IncomingMessage['headers']; body: string }>(
    (resolve, reject) => {
      const all = {
        authorization: `Bearer ${key}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...headers,
      }
      const sent = httpRequest(`${gateway.url}/${proxy}/mcp`, { method, headers: all }, async response => {
        const chunks: Buffer[] = []
        for await (const chunk of response) chunks.push(chunk as Buffer)
        resolve({
          status: response.statusCode!,
          headers: response.headers,
          body: Buffer.concat(chunks).toString(),
        })
      })
      sent.once('error', reject).end(method === 'POST' ? JSON.stringify(message) : undefined)
    },
  )
}

t.test("an upstream's page was served on the gateway's origin", async t => {
  const page = '<script>alert(1)</script>'
  const pages: [number, Record<string, string | string[]>][] = [
    [409, { 'content-type': 'text/html' }],
    [404, { 'content-type': 'text/html; charset=utf-8' }],
    [400, { 'content-type': 'text/html;x=application/json' }],
    [400, { 'content-type': 'application/json+html' }],
    [400, { 'content-type': 'image/svg+xml' }],
    [409, { 'content-type': 'text/xml' }],
    [409, { 'content-type': 'multipart/x-mixed-replace; boundary=x' }],
    [409, { 'content-type': ' ' }],
    [409, { 'content-type': 'application/json\u00a0' }],
    [409, { 'content-type': 'application/json, text/html' }],
    [409, {}],
    [409, { 'content-length': String(page.length) }],
  ]
  for (const [status, headers] of pages) {
    answer = { status, headers, body: page }
    const got = await send(call)
    const {
      'content-type': type,
      'x-content-type-options': sniff,
      'content-security-policy': policy,
    } = got.headers
    t.same([got.status, got.body], [status, page])
    t.same(
      [type, sniff, policy],
      ['text/plain', 'nosniff', "sandbox; default-src 'none'"],
      JSON.stringify(headers),
    )
  }
  answer = { status: 200, headers: { 'content-type': 'text/html' }, body: page }
  const notified = await send({ jsonrpc: '2.0', method: 'notifications/initialized' })
  for (const { headers, body } of [notified, await send(undefined, {}, 'mcp', 'DELETE')])
    t.same([headers['content-type'], body], [undefined, ''], 'nobody waits for this answer')
  answer = { status: 409, headers: { 'content-type': 'application/problem+json' }, body: '{}' }
  t.equal((await send(call)).headers['content-type'], 'application/problem+json')
})

t.test('headers of an upstream spoke for the host', async t => {
  const withheld =
    `strict-transport-security nel report-to reporting-endpoints service-worker-allowed public-key-pins
    public-key-pins-report-only accept-ch critical-ch x-gatehouse-key x-sendfile x-sendfile-type x-reproxy-url
    surrogate-control surrogate-key x-accel-redirect x-accel-expires x-lighttpd-send-file cdn-cache-control expect-ct
    origin-trial link refresh content-disposition content-location sourcemap permissions-policy alt-svc clear-site-data
    cross-origin-opener-policy content-security-policy x-frame-options set-login speculation-rules edge-control
    use-as-dictionary x-envoy-immediate-health-check-fail x-middleware-rewrite cache-tag secure-session-registration
    referrer-policy vercel-cdn-cache-control expect-staple-report-only attribution-reporting-register-source access-control-allow-origin set-cookie`.split(
      /\s+/,
    )
  const passed = {
    'x-ratelimit-remaining': '1',
    'server-timing': 'a',
    'x-request-id': 'x',
    'retry-after': '1',
  }
  const headers = {
    'content-type': 'application/json',
    ...passed,
    ...Object.fromEntries(withheld.map(name => [name, 'x'])),
  }
  answer = { status: 200, headers, body: JSON.stringify({ jsonrpc: '2.0', id: 1, result: {} }) }
  const got = await send(call)
  t.equal(got.status, 200)
  t.same(
    withheld.filter(name => got.headers[name] !== undefined),
    [],
  )
  t.match(got.headers, passed)
})

t.test('a list for one caller carried digests, and could be kept for all', async t => {
  const about =
    `content-digest digest repr-digest etag last-modified content-md5 age expires vary accept-ranges
    signature signature-input`.split(/\s+/)
  const list = { jsonrpc: '2.0', id: 1, result: { tools: [{ name: 'get_a' }, { name: 'delete_a' }] } }
  const headers = Object.fromEntries(about.map(name => [name, 'x']))
  for (const stream of [false, true]) {
    const type = stream ? 'text/event-stream' : 'application/json'
    answer = {
      status: 200,
      headers: {
        ...headers,
        'content-type': `${type}; charset=utf-7`,
        'cache-control': 'public, max-age=600',
      },
      body: stream ? `data: ${JSON.stringify(list)}\n\n` : JSON.stringify(list),
    }
    const got = await send({ jsonrpc: '2.0', id: 1, method: 'tools/list' })
    t.notMatch(got.body, 'delete_a')
    t.equal(got.headers['content-type'], type)
    t.match(got.headers['cache-control'], /^private, no-store/)
    t.same(
      about.filter(name => got.headers[name] !== undefined),
      [],
      type,
    )
  }
})

const identities =
  `remote-user remote-groups x-remote-user x-auth-request-user x-auth-request-email x-webauth-user
  cf-access-jwt-assertion cf-access-authenticated-user-email cf-connecting-ip x-goog-authenticated-user-email
  x-goog-iap-jwt-assertion x-amzn-oidc-data x-amzn-oidc-identity x-amzn-mtls-clientcert x-ms-client-principal
  x-ms-client-principal-name x-ms-token-aad-id-token x-client-cert x-client-cert-chain x-envoy-external-address
  x-envoy-original-path x-cluster-client-ip x-forwarded x-forwarded-user x-authenticated-user x-authenticated-userid
  x-consumer-id x-consumer-username x-credential-identifier x-anonymous-consumer x-vouch-user x-authentik-username
  x-pomerium-jwt-assertion tailscale-user-login x-token-subject x-userinfo x-id-token x-access-token x-jwt-payload
  fastly-client-ip x-azure-clientip x-appengine-user-ip x-original-forwarded-for x-original-host ssl-client-cert
  x-ssl-client-dn x-arr-clientcert impersonate-user impersonate-group x-impersonate-user x-middleware-subrequest
  x-http-destinationurl x-host x-real-ip x-user x-user-id x-auth-user x-role oidc-claim-sub shib-session-id x-apigateway-context wl-proxy-client-ip sm-user iv-user
  x-sendfile-type x-accel-mapping x-hasura-role x-gatehouse-caller remote_user x-original-url`.split(/\s+/)

t.test('who calls was for clients to say in headers of other proxies', async t => {
  answer = undefined
  const passed = { 'x-tenant-region': 'eu', traceparent: '00-x', 'mcp-param-region': 'eu', 'x-custom': '1' }
  const forged = Object.fromEntries(
    identities.flatMap(name => [
      [name, 'x'],
      [name.toUpperCase(), 'y'],
    ]),
  )
  const before = upstream.arrivals.length
  for (const name of Object.keys(forged)) await send(call, { [name]: 'x', ...passed })
  const arrived = upstream.arrivals.slice(before)
  t.equal(arrived.length, identities.length * 2)
  const seen = arrived.flatMap(({ headers }) => identities.filter(name => headers[name] !== undefined))
  t.same(seen, [])
  t.match(arrived[0]!.headers, passed)
})

t.test('only listed headers are forwarded, beside those of MCP', async t => {
  answer = undefined
  const mcp = {
    accept: 'application/json, text/event-stream',
    'mcp-method': 'tools/call',
    'mcp-param-a': '1',
    'last-event-id': '1',
  }
  const listed = { traceparent: '00-x', 'x-tenant-region': 'eu', 'x-tenant-': '1' }
  await send(call, { ...mcp, ...listed, 'x-custom': '1', 'user-agent': 'x', 'x-tenant': '1' }, 'few')
  const { headers } = upstream.arrivals.at(-1)!
  t.match(headers, { ...mcp, ...listed, 'content-type': 'application/json' })
  t.same(
    ['x-custom', 'user-agent', 'x-tenant'].filter(name => headers[name] !== undefined),
    [],
  )
})

t.test('a judged stream held lines that some readers take for data', async t => {
  const list = (name: string) => JSON.stringify({ jsonrpc: '2.0', id: 1, result: { tools: [{ name }] } })
  const hidden = list('delete_a')
  const mark = '\ufeff'
  const separators = [
    '\u0085',
    '\u2028',
    '\u2029',
    '\u000b',
    '\u000c',
    '\u001c',
    '\u001d',
    '\u001e',
    '\u0000',
  ]
  const events = [
    ...[2, 3].map(marks => `${mark.repeat(marks)}data: ${hidden}\n\n`),
    `: keep-alive\n\n${mark}data: ${hidden}\n\n`,
    `DATA: ${hidden}\n\n`,
    `data : ${hidden}\n\n`,
    ` data: ${hidden}\n\n`,
    `x: ${hidden}\n\n`,
    `: data: ${hidden}\n\n`,
    ...separators.map(separator => `: x${separator}data: ${hidden}${separator}${separator}\n\n`),
    ...separators.map(
      separator => `id: x${separator}data: ${hidden}${separator}${separator}\ndata: ${list('get_a')}\n\n`,
    ),
    ...separators.map(
      separator => `event: x${separator}data: ${hidden}${separator}\ndata: ${list('get_a')}\n\n`,
    ),
    `retry: 1${hidden}\ndata: ${list('get_a')}\n\n`,
    `data: ${list('get_a')}\n\ndata: ${hidden}`,
  ]
  for (const [index, body] of events.entries()) {
    answer = { status: 200, headers: { 'content-type': 'text/event-stream' }, body }
    const got = await send({ jsonrpc: '2.0', id: 1, method: 'tools/list' })
    t.notMatch(got.body, 'delete_a', `event ${index}`)
  }
  const inside = {
    jsonrpc: '2.0',
    id: 1,
    result: { tools: [{ name: 'get_a', title: 'x\u2028\u2028data: {}\u0085\ufeff' }] },
  }
  const kept = `event: message\nid: 7\nretry: 5\ndata: ${JSON.stringify(inside)}\n\n`
  answer = {
    status: 200,
    headers: { 'content-type': 'text/event-stream' },
    body: `${mark}${kept}id: 8\ndata:\n\n`,
  }
  const { body } = await send({ jsonrpc: '2.0', id: 1, method: 'tools/list' })
  t.match(body, /^event: message\nid: 7\nretry: 5\ndata: \{.*\}\n\nid: 8\ndata: \n\n$/)
  t.notMatch(body, /[\u0085\u2028\ufeff]/, 'what some readers take for a line break is escaped')
  t.same(JSON.parse(/^data: (\{.*\})$/m.exec(body)![1]!), inside)
})

t.test('a long list stopped everybody: it is filtered in pieces', async t => {
  const tools = Array.from({ length: 30_000 }, (_, index) => ({
    name: `${index % 3 === 0 ? 'get' : 'delete'}_${index}`,
  }))
  const long = JSON.stringify({ jsonrpc: '2.0', id: 1, result: { tools, ttlMs: 1 } })
  const kept = {
    jsonrpc: '2.0',
    id: 1,
    result: { cacheScope: 'private', tools: tools.filter((_, index) => index % 3 === 0), ttlMs: 1 },
  }
  const list = { jsonrpc: '2.0', id: 1, method: 'tools/list' }
  const note = (data: string): string =>
    JSON.stringify({ jsonrpc: '2.0', method: 'notifications/message', params: { data } })
  answer = { status: 200, headers: { 'content-type': 'application/json' }, body: long }
  t.same(JSON.parse((await send(list)).body), kept)
  answer.body = ` [${note('a')}, ${long} ,${note('b')}]`
  t.same(JSON.parse((await send(list)).body), [JSON.parse(note('a')), kept, JSON.parse(note('b'))])
  answer.headers = { 'content-type': 'text/event-stream' }
  answer.body = [note('a'), long, note('b'), long, note('c')].map(data => `data: ${data}\n\n`).join('')
  const events = (await send(list)).body
    .split('\n\n')
    .slice(0, -1)
    .map(event => JSON.parse(event.slice(6)) as unknown)
  t.same(events, [JSON.parse(note('a')), kept, JSON.parse(note('b')), kept, JSON.parse(note('c'))])
  const at = long.indexOf('{"name":"get_15000"}')
  const broken = [
    `${long}x`,
    long.slice(0, -1),
    long.replace('},{', '} {'),
    long.replace('},{', '},,{'),
    long.replace('[{', '[,{'),
    long.replace('}],', '},],'),
    `${long.slice(0, at)}{"name":"get_x",}${long.slice(at)}`,
    `${long.slice(0, at)}{"name":get_x},${long.slice(at)}`,
    `${long.slice(0, at)}{"name":"get_x","Name":"delete_x"},${long.slice(at)}`,
    `${long.slice(0, at)}{"title":"x"},${long.slice(at)}`,
    long.replace('"ttlMs":1', '"ttlMs":01'),
    `[${long} ${long}]`,
    `{"a":"${'x'.repeat(100_000)}","result":{"tools":[}}`,
  ]
  for (const [index, body] of broken.entries()) {
    answer = { status: 200, headers: { 'content-type': 'application/json' }, body }
    const got = await send(list)
    t.same([got.status, JSON.parse(got.body).error.data.reason], [200, 'upstream_invalid'], `broken ${index}`)
    answer = {
      status: 200,
      headers: { 'content-type': 'text/event-stream' },
      body: `data: ${body}\n\ndata: ${note('a')}\n\n`,
    }
    const stream = (await send(list)).body
    t.match(stream, 'upstream_invalid')
    t.notMatch(stream, 'delete_')
  }
})
