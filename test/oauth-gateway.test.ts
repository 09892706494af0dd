import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { extractWWWAuthenticateParams as parseV2 } from '@modelcontextprotocol/client'
import { extractWWWAuthenticateParams as parseV1 } from '@modelcontextprotocol/sdk/client/auth.js'
import {
  Client as ClientV2,
  StreamableHTTPClientTransport as TransportV2,
} from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import t from 'tap'
import { parseAnswer } from './fixtures/answer.ts'
import { textOf } from '../gateway/mcp/refusal-table.ts'
import { describeResource } from '../gateway/auth/resource.ts'
import { hashSecret } from '../gateway/auth/api-key/key.ts'
import { startTestGateway } from './fixtures/gateway.ts'
import { createMemoryProvider } from './fixtures/oauth-client.ts'
import { createIssuerKey, signToken, startTestIssuer } from './fixtures/issuer.ts'
import { event, json, messageOf, sse, startTestUpstream } from './fixtures/upstream.ts'
import { until } from './fixtures/until.ts'

const upstream = await startTestUpstream((arrival, response) => {
  if (arrival.method === 'POST') {
    const { id } = messageOf(arrival)
    const tools = ['get_a', 'delete_a'].map(name => ({ name, inputSchema: { type: 'object' } }))
    return json(response, { jsonrpc: '2.0', id, result: { tools } })
  }
  sse(response)
  response.write(event({ jsonrpc: '2.0', method: 'notifications/message', params: {} }))
  return undefined
})
t.teardown(upstream.close)
const signing = await createIssuerKey('ES256', 'one')
const issuer = await startTestIssuer([signing])
t.teardown(issuer.close)
const partner = 'https://partner.example.com'
const publicUrl = 'https://mcp.example.com'
const secret = 'canary-of-the-operator-0123456789abcdef0123'
const scopes = `{required: [mcp:read], tools: {"delete_*": [mcp:write], "*_all": [mcp:all]}, prompts: {p: [mcp:prompt]}, resources: {"file:///a*": [mcp:files]}}`

const config = (mainScopes = scopes): string => `
listen:
  publicUrl: ${publicUrl}
auth:
  login: {type: oauth, issuer: "${issuer.url}", grants: [{roles: [user]}]}
  other: {type: oauth, issuer: "${partner}"}
  plain: {type: jwt, issuer: "${issuer.url}", grants: [{roles: [user]}]}
  keys: {type: api-key}
  named: {type: api-key, name: X-Key}
roles:
  user: {access: {"*": {tools: {allow: ["get_*", "delete_*"]}, prompts: {allow: ["*"]}, resources: {allow: ["*"]}, methods: {allow: ["*"]}}}}
keys: {ann: {roles: [user], secrets: [{hash: "${hashSecret(secret)}"}]}}
proxies:
  main: {description: Mock data, auth: [keys, login, named, other], scopes: ${mainScopes}, upstream: {url: "${upstream.url}"}}
  bare: {path: /bare, auth: [login], upstream: {url: "${upstream.url}"}}
  plain: {auth: [plain], scopes: {required: [mcp:read]}, upstream: {url: "${upstream.url}"}}
  keys: {auth: [keys], upstream: {url: "${upstream.url}"}}
`
const gateway = await startTestGateway(config())
t.teardown(gateway.close)

function token(scope: string | undefined, path = '/main/mcp', lives = 300): Promise<string> {
  const exp = Math.floor(Date.now() / 1000) + lives
  const claims = { iss: issuer.url, aud: publicUrl + path, sub: 'ann', exp }
  return signToken(signing, scope === undefined ? claims : { ...claims, scope })
}

interface Answer {
  status: number
  headers: IncomingHttpHeaders
  body: string
  challenge: string | undefined
  error: { code: number; message: string; data: { reason: string } } | undefined
  id: unknown
}

function send(
  path: string,
  {
    method = 'POST',
    headers = {},
    message,
  }: { method?: string; headers?: Record<string, string>; message?: unknown },
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const type = { 'content-type': 'application/json' }
    const sent = httpRequest(
      gateway.url + path,
      { method, headers: { ...type, ...headers }, agent: false },
      response => {
        let body = ''
        response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk))
        response.on('end', () => {
          const { error, id } = (body === '' ? {} : parseAnswer(body)) as Partial<Answer>
          const { statusCode: status = 0, headers } = response
          resolve({ status, headers, body, challenge: headers['www-authenticate'], error, id })
        })
      },
    )
    sent.on('error', reject).end(message === undefined ? undefined : JSON.stringify(message))
  })
}

const call = (method: string, params: object = {}): object => ({ jsonrpc: '2.0', id: 7, method, params })
const list = call('tools/list')
const bearer = async (text: string | Promise<string>): Promise<Record<string, string>> => ({
  authorization: `Bearer ${await text}`,
})
const mainMetadata = `${publicUrl}/.well-known/oauth-protected-resource/main/mcp`
const bareMetadata = `${publicUrl}/.well-known/oauth-protected-resource/bare`

t.test('only proxies with an oauth method have metadata', async t => {
  const documents: [string, object | undefined][] = [
    [
      '/.well-known/oauth-protected-resource/main/mcp',
      {
        resource: `${publicUrl}/main/mcp`,
        authorization_servers: [issuer.url, partner],
        scopes_supported: ['mcp:read'],
        bearer_methods_supported: ['header'],
        resource_name: 'Mock data',
      },
    ],
    [
      '/.well-known/oauth-protected-resource/bare',
      {
        resource: `${publicUrl}/bare`,
        authorization_servers: [issuer.url],
        bearer_methods_supported: ['header'],
      },
    ],
    ['/.well-known/oauth-protected-resource/plain/mcp', undefined],
    ['/.well-known/oauth-protected-resource/keys/mcp', undefined],
    ['/.well-known/oauth-protected-resource/main', undefined],
    [
      '/.well-known/oauth-protected-resource/bare/',
      {
        resource: `${publicUrl}/bare/`,
        authorization_servers: [issuer.url],
        bearer_methods_supported: ['header'],
      },
    ],
    ['/.well-known/oauth-protected-resource/bare//', undefined],
    ['/.well-known/oauth-protected-resource', undefined],
    ['/.well-known/oauth-authorization-server', undefined],
    ['/.well-known/oauth-authorization-server/main/mcp', undefined],
  ]
  for (const [path, document] of documents) {
    const { status, headers, body, error } = await send(path, { method: 'GET' })
    const type = document === undefined ? 'text/plain; charset=utf-8' : 'application/json'
    t.equal(headers['content-type'], type, path)
    if (document === undefined) {
      t.equal(status, 404, path)
      t.equal(error?.data.reason, 'path_unknown')
      continue
    }
    t.equal(status, 200, path)
    t.strictSame(JSON.parse(body), document)
    t.equal(headers['cache-control'], 'max-age=300')
    t.equal(headers['access-control-allow-origin'], '*')
  }
})

t.test('a proxy for a whole host has its metadata at the root', async t => {
  const { metadataPath, metadataUrl, document } = describeResource(publicUrl, '/', [partner], [], undefined)
  t.equal(metadataPath, '/.well-known/oauth-protected-resource')
  t.equal(metadataUrl, publicUrl + metadataPath)
  t.match(JSON.parse(document), { resource: `${publicUrl}/` })
})

t.test('every web page may read metadata, under the right Host, and only with GET and HEAD', async t => {
  const path = '/.well-known/oauth-protected-resource/main/mcp'
  const origin = { origin: 'https://anywhere.example.net' }
  const whole = await send(path, { method: 'GET', headers: origin })
  t.equal(whole.status, 200)
  t.equal(whole.headers['access-control-allow-origin'], '*')
  const head = await send(path, { method: 'HEAD', headers: origin })
  t.equal(head.status, 200)
  t.equal(head.body, '')
  t.equal(head.headers['content-length'], whole.headers['content-length'])
  const asked = { ...origin, 'access-control-request-method': 'GET' }
  const preflight = await send(path, { method: 'OPTIONS', headers: asked })
  t.equal(preflight.status, 204)
  t.equal(preflight.headers['access-control-allow-origin'], '*')
  t.match(preflight.headers['access-control-allow-methods'], /\bGET\b/)
  t.equal(preflight.headers['access-control-allow-headers'], '*')
  const post = await send(path, { message: list })
  t.equal(post.status, 405)
  t.equal(post.headers.allow, 'GET, HEAD, OPTIONS')
  const rebound = await send(path, { method: 'GET', headers: { host: 'evil.example.com' } })
  t.equal(rebound.error?.data.reason, 'host_refused')
  t.equal((await send('/main/mcp', { headers: origin, message: list })).error?.data.reason, 'origin_refused')
})

t.test('challenges are exactly what clients expect', async t => {
  const named = 'ApiKey realm="main", in="header", name="X-Key"'
  const lacking = (needs: string): string => `the token lacks a scope; this needs ${needs}`
  const short = (needs: string): string =>
    `Bearer error="insufficient_scope", scope="${needs}", resource_metadata="${mainMetadata}", error_description="${lacking(needs)}"`
  const get = (name: string): object => call('tools/call', { name })
  const cases: [string, string, Record<string, string>, object, number, string, string][] = [
    [
      'none',
      '/main/mcp',
      {},
      list,
      401,
      'credential_missing',
      `Bearer resource_metadata="${mainMetadata}", scope="mcp:read", ${named}`,
    ],
    [
      'none, no scopes',
      '/bare',
      {},
      list,
      401,
      'credential_missing',
      `Bearer resource_metadata="${bareMetadata}"`,
    ],
    [
      'an unknown key',
      '/main/mcp',
      await bearer('x'.repeat(40)),
      list,
      401,
      'credential_invalid',
      `Bearer error="invalid_token", error_description="MESSAGE", resource_metadata="${mainMetadata}", scope="mcp:read", ${named}`,
    ],
    [
      'expired',
      '/main/mcp',
      await bearer(token('mcp:read', '/main/mcp', -300)),
      list,
      401,
      'credential_expired',
      `Bearer error="invalid_token", error_description="the token has expired", resource_metadata="${mainMetadata}", scope="mcp:read", ${named}`,
    ],
    [
      'for another proxy',
      '/bare',
      await bearer(token('mcp:read')),
      list,
      401,
      'credential_invalid',
      `Bearer error="invalid_token", error_description="${textOf('token_audience')}", resource_metadata="${bareMetadata}"`,
    ],
    [
      'no scope at all',
      '/main/mcp',
      await bearer(token(undefined)),
      list,
      403,
      'insufficient_scope',
      short('mcp:read'),
    ],
    [
      'no scope for a tool',
      '/main/mcp',
      await bearer(token('mcp:read')),
      get('delete_a'),
      403,
      'insufficient_scope',
      short('mcp:read mcp:write'),
    ],
    [
      'everything at once',
      '/main/mcp',
      await bearer(token('other')),
      get('delete_a'),
      403,
      'insufficient_scope',
      short('mcp:read mcp:write'),
    ],
    [
      'of several patterns',
      '/main/mcp',
      await bearer(token('mcp:read mcp:write')),
      get('delete_all'),
      403,
      'insufficient_scope',
      short('mcp:read mcp:write mcp:all'),
    ],
    [
      'a part of a word',
      '/main/mcp',
      await bearer(token('mcp:read mcp')),
      get('delete_a'),
      403,
      'insufficient_scope',
      short('mcp:read mcp:write'),
    ],
    [
      'a prompt',
      '/main/mcp',
      await bearer(token('mcp:read')),
      call('prompts/get', { name: 'p' }),
      403,
      'insufficient_scope',
      short('mcp:read mcp:prompt'),
    ],
    [
      'a resource',
      '/main/mcp',
      await bearer(token('mcp:read')),
      call('resources/read', { uri: 'file:///b/../%61b' }),
      403,
      'insufficient_scope',
      short('mcp:read mcp:files'),
    ],
    [
      'a jwt method',
      '/plain/mcp',
      await bearer(token('x', '/plain/mcp')),
      list,
      403,
      'insufficient_scope',
      `Bearer realm="plain", error="insufficient_scope", scope="mcp:read", error_description="${lacking('mcp:read')}"`,
    ],
    ['a jwt method, none', '/plain/mcp', {}, list, 401, 'credential_missing', 'Bearer realm="plain"'],
  ]
  for (const [name, path, headers, message, status, reason, challenge] of cases) {
    const answer = await send(path, { headers, message })
    t.equal(answer.status, status, name)
    t.equal(answer.error?.data.reason, reason, name)
    t.equal(answer.challenge, challenge.replace('MESSAGE', answer.error?.message ?? ''), name)
    if (status === 403) t.match(answer, { error: { code: 40302 }, id: 7 }, name)
    if (!challenge.includes('resource_metadata')) continue
    for (const parse of [parseV1, parseV2]) {
      const read = parse(new Response(null, { status, headers: { 'www-authenticate': answer.challenge! } }))
      const part = (key: string): string | undefined => new RegExp(`\\b${key}="([^"]*)"`).exec(challenge)?.[1]
      t.equal(read.resourceMetadataUrl?.href, part('resource_metadata'), name)
      t.equal(read.scope, part('scope'), name)
      t.equal(read.error, part('error'), name)
    }
  }
})

t.test('a token with the right scopes is accepted, and so is a key, which has none', async t => {
  const remove = call('tools/call', { name: 'delete_a' })
  const status = async (
    headers: Record<string, string>,
    message: unknown,
    path = '/main/mcp',
  ): Promise<number> => (await send(path, { headers, message })).status
  t.equal(await status(await bearer(token('mcp:read')), list), 200)
  t.equal(await status(await bearer(token('mcp:read mcp:write')), remove), 200)
  t.equal(await status(await bearer(secret), remove), 200)
  t.equal(await status({ 'x-key': secret }, remove), 200)
  t.equal(await status(await bearer(token(undefined, '/bare')), remove, '/bare'), 200)
  const listed = await send('/main/mcp', { headers: await bearer(token('mcp:read')), message: list })
  t.match(listed.body, 'delete_a', 'what only lacks a scope is listed')
})

t.test('no request gets around the required scopes', async t => {
  const headers = await bearer(token('other'))
  const before = upstream.arrivals.length
  const sent: [string, unknown][] = [
    ['a notification', { jsonrpc: '2.0', method: 'notifications/initialized' }],
    ['an answer', { jsonrpc: '2.0', id: 1, result: {} }],
    ['a method called POST', { jsonrpc: '2.0', id: 1, method: 'POST' }],
    ['an unknown method', { jsonrpc: '2.0', id: 1, method: 'x/y' }],
  ]
  for (const [name, message] of sent) {
    const { status, error } = await send('/main/mcp', { headers, message })
    t.equal(status, 403, name)
    t.equal(error?.data.reason, 'insufficient_scope', name)
  }
  for (const method of ['GET', 'DELETE']) {
    const { status, error } = await send('/main/mcp', { method, headers })
    t.equal(status, 403, method)
    t.equal(error?.data.reason, 'insufficient_scope', method)
  }
  t.equal(upstream.arrivals.length, before, 'the upstream saw none of it')
})

t.test('a tool that a role hides stays unknown, whatever its scopes', async t => {
  const { status, error, challenge } = await send('/main/mcp', {
    headers: await bearer(token('mcp:read')),
    message: call('tools/call', { name: 'run_all' }),
  })
  t.equal(status, 200)
  t.equal(error?.code, -32602)
  t.equal(challenge, undefined)
})

t.test(
  'a stream ends when a reload requires a scope that its token lacks, and continues otherwise',
  async t => {
    const ended = { narrow: false, wide: false }
    const open = async (name: keyof typeof ended, scope: string): Promise<void> => {
      const headers = { ...(await bearer(token(scope))), accept: 'text/event-stream' }
      await new Promise<void>((resolve, reject) => {
        const sent = httpRequest(`${gateway.url}/main/mcp`, { headers, agent: false }, response => {
          response.once('data', () => resolve()).resume()
          response.on('error', () => {}).on('close', () => (ended[name] = true))
        })
        sent.on('error', reject).end()
        t.teardown(() => void sent.destroy())
      })
    }
    await open('narrow', 'mcp:read')
    await open('wide', 'mcp:read mcp:more')
    gateway.write(config('{required: [mcp:read, mcp:more]}'))
    await until(() => ended.narrow, 'the token without the scope has lost its stream')
    t.notOk(ended.wide)
    const { body } = await send('/.well-known/oauth-protected-resource/main/mcp', { method: 'GET' })
    t.match(JSON.parse(body), { scopes_supported: ['mcp:read', 'mcp:more'] })
  },
)

t.test('a client that wants to log in where keys are needed is told what is wrong', async t => {
  const paths = [
    '/register',
    '/authorize?response_type=code',
    '/token',
    '/.well-known/oauth-authorization-server',
    '/.well-known/oauth-authorization-server/keys/mcp',
    '/.well-known/oauth-protected-resource/keys/mcp',
    '/.well-known/openid-configuration',
    '/.well-known/openid-configuration/keys/mcp',
    '/keys/mcp/.well-known/openid-configuration',
    '/keys/mcp/.well-known/oauth-authorization-server',
  ]
  for (const path of paths) {
    for (const method of ['GET', 'POST']) {
      const { status, error } = await send(path, { method })
      t.strictSame([status, error?.data.reason, error?.code], [404, 'path_unknown', 40402], path)
      t.equal(error?.message, textOf('oauth_not_offered'), path)
    }
  }
  const origin = { origin: 'https://app.example.com' }
  const preflight = {
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'content-type',
  }
  const asked = await send('/register', { method: 'OPTIONS', headers: { ...origin, ...preflight } })
  t.match(asked, { status: 204, headers: { 'access-control-allow-origin': '*' } })
  t.match(asked.headers['access-control-allow-methods'], /POST/)
  const told = await send('/register', { headers: origin })
  t.match(told, { status: 404, headers: { 'access-control-allow-origin': '*' } }, 'a web page may read why')
  t.match(textOf('oauth_not_offered'), /no OAuth .* missing, wrong or expired/)
  for (const path of ['/keys', '/register/x', '/keys/mcp/token', '/.well-known/other'])
    t.equal(
      (await send(path, {})).error?.message,
      textOf('path_unknown', { path: JSON.stringify(path) }),
      path,
    )

  await until(() => gateway.lines.some(line => line['detail'] === 'oauth_not_offered'), 'it is logged')
})

t.test('a wrong key ends in the message of the gateway, in clients that know OAuth', async t => {
  const url = new URL(`${gateway.url}/keys/mcp`)
  const authProvider = { ...createMemoryProvider(), clientInformation: () => undefined }
  const options = {
    authProvider: { ...authProvider, saveClientInformation() {} },
    requestInit: { headers: { authorization: `Bearer ${secret}x` } },
  }
  const about = { name: 'desktop', version: '1' }
  const attempts = {
    v1: () => new ClientV1(about).connect(new TransportV1(url, options) as never),
    v2: () => new ClientV2(about).connect(new TransportV2(url, options)),
  }
  for (const [name, attempt] of Object.entries(attempts))
    await t.rejects(attempt(), { message: /no OAuth is offered here; .* missing, wrong or expired/ }, name)
})
