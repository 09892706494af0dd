import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getCACertificates, setDefaultCACertificates, type TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { proxyFromEnvironment } from '../gateway/http/forward-proxy/environment.ts'
import { MalformedError } from '../gateway/values/malformed.ts'
import { parseProxyUrl } from '../gateway/values/proxy-url.ts'
import { createOutbound } from '../gateway/oauth/outbound.ts'
import { createAuthority } from './fixtures/certificates.ts'
import { found, loadTexts } from './fixtures/configuration.ts'
import { startForwardProxy } from './fixtures/forward-proxy.ts'
import { startTestGateway, type TestGateway } from './fixtures/gateway.ts'
import { event, json, sse, startTestUpstream, type Arrival } from './fixtures/upstream.ts'
import { until } from './fixtures/until.ts'

const password = 'canary-of-the-forward-proxy-0123456789'
const names = ['HTTPS_PROXY', 'HTTP_PROXY', 'NO_PROXY'].flatMap(name => [name, name.toLowerCase()])

/** Replaces the proxy variables of this process until the test ends. */
function setEnvironment(t: Test, variables: Record<string, string>): void {
  const before = names.map(name => [name, process.env[name]] as const)
  const set = (entries: readonly (readonly [string, string | undefined])[]): void => {
    for (const [name, value] of entries)
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
  }
  t.teardown(() => set(before))
  set(names.map(name => [name, variables[name]]))
}

interface Upstreams {
  /** Ports by host and port. */
  readonly hosts: Record<string, number>
  /** Requests: the scheme, the Host header, the TLS server name, and all header names. */
  readonly arrivals: { scheme: string; host: string | undefined; server: unknown; names: string }[]
  /** CA of the https upstream, in PEM. */
  readonly ca: string
}

/** Starts `http://tools.example:8080` and `https://tools.example:8443`, which only the proxy can find. */
async function startUpstreams(t: Test): Promise<Upstreams> {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-proxy-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const authority = await createAuthority(folder, 'private')
  const { cert, key } = await authority.issue({ subject: '/CN=tools', san: ['DNS:tools.example'] })
  const arrivals: Upstreams['arrivals'] = []
  const answer = (arrival: Pick<Arrival, 'method'>, response: Parameters<typeof json>[0]): void => {
    const message = { jsonrpc: '2.0', id: 1, result: {} }
    if (arrival.method === 'GET') {
      sse(response)
      response.write(event({ jsonrpc: '2.0', method: 'notifications/message' }))
    } else json(response, message)
  }
  const plain = await startTestUpstream((arrival, response) => {
    const { host } = arrival.headers
    arrivals.push({ scheme: 'http', host, server: undefined, names: Object.keys(arrival.headers).join() })
    answer(arrival, response)
  })
  const secure = createServer({ cert, key }, (request, response) => {
    const { servername: server } = request.socket as TLSSocket & { servername?: unknown }
    const names = Object.keys(request.headers).join()
    arrivals.push({ scheme: 'https', host: request.headers.host, server, names })
    request.resume().once('end', () => answer({ method: request.method ?? '' }, response))
  })
  secure.listen(0, '127.0.0.1')
  await once(secure, 'listening')
  t.teardown(async () => {
    secure.closeAllConnections()
    secure.close()
    await plain.close()
  })
  const hosts = {
    'tools.example:8080': Number(new URL(plain.url).port),
    'tools.example:8443': (secure.address() as AddressInfo).port,
  }
  return { hosts, arrivals, ca: authority.cert }
}

const https = (more = ''): string =>
  `{auth: none, upstream: {url: "https://tools.example:8443/mcp?x=1", tls: {ca: {file: ca.pem}}${more}}}`
const http = (more = ''): string =>
  `{auth: none, upstream: {url: "http://tools.example:8080/mcp?x=1"${more}}}`

async function startGateway(t: Test, proxies: string, ca: string, env = {}): Promise<TestGateway> {
  const gateway = await startTestGateway(`proxies:\n${proxies}\n`, { files: { 'ca.pem': ca }, env })
  t.teardown(gateway.close)
  return gateway
}

/** Calls a tool; returns the result, or the reason and the message of the error. */
async function call(gateway: TestGateway, proxy: string): Promise<unknown> {
  const response = await fetch(`${gateway.url}/${proxy}/mcp`, {
    method: 'POST',
    headers: { accept: 'application/json, text/event-stream', 'content-type': 'application/json' },
    body: '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a"}}',
  })
  const { result, error } = (await response.json()) as {
    result?: unknown
    error?: { message: string; data: { reason: string } }
  }
  return result ?? [error?.data.reason, error?.message]
}

for (const spell of [(name: string) => name, (name: string) => name.toLowerCase()]) {
  t.test(`upstreams are reached through ${spell('HTTPS_PROXY')} and ${spell('HTTP_PROXY')}`, async t => {
    const { hosts, arrivals, ca } = await startUpstreams(t)
    const proxy = await startForwardProxy(t, hosts)
    const url = `http://agent:${password}%25@127.0.0.1:${proxy.port}`
    setEnvironment(t, { [spell('HTTPS_PROXY')]: url, [spell('HTTP_PROXY')]: url })
    const gateway = await startGateway(t, `  https: ${https()}\n  http: ${http()}`, ca)
    t.same(await call(gateway, 'https'), {})
    t.same(await call(gateway, 'http'), {})
    const credential = `Basic ${Buffer.from(`agent:${password}%`).toString('base64')}`
    t.same(proxy.seen, [
      ['CONNECT', 'tools.example:8443', credential],
      ['POST', 'http://tools.example:8080/mcp?x=1', credential],
    ])
    t.same(
      arrivals.map(({ scheme, host, server }) => [scheme, host, server]),
      [
        ['https', 'tools.example:8443', 'tools.example'],
        ['http', 'tools.example:8080', undefined],
      ],
    )
    t.notMatch(arrivals.map(arrival => arrival.names).join(), 'proxy-')

    const accept = 'text/event-stream'
    for (const name of ['https', 'http']) {
      const stream = await fetch(`${gateway.url}/${name}/mcp`, { headers: { accept } })
      const reader = stream.body!.getReader()
      t.match(Buffer.from((await reader.read()).value!).toString(), 'notifications/message', name)
      await reader.cancel()
    }
    t.same(await call(gateway, 'https'), {})
    t.notMatch(gateway.logText(), password)
    t.notMatch(gateway.logText(), credential)
  })
}

t.test('`upstream.proxy` comes before the environment, also for a loopback upstream', async t => {
  const { hosts, arrivals, ca } = await startUpstreams(t)
  const port = hosts['tools.example:8080']!
  const proxy = await startForwardProxy(t, { ...hosts, [`127.0.0.1:${port}`]: port })
  setEnvironment(t, { HTTP_PROXY: 'http://127.0.0.1:1', HTTPS_PROXY: 'http://127.0.0.1:1', NO_PROXY: '*' })
  const field = ', proxy: {env: CORPORATE_PROXY}'
  const local = `{auth: none, upstream: {url: "http://127.0.0.1:${port}/mcp"${field}}}`
  const gateway = await startGateway(
    t,
    `  https: ${https(field)}\n  http: ${http(field)}\n  local: ${local}`,
    ca,
    { CORPORATE_PROXY: `http://agent:${password}@127.0.0.1:${proxy.port}/` },
  )
  for (const name of ['https', 'http', 'local']) t.same(await call(gateway, name), {}, name)
  t.equal(proxy.seen.length, 3)
  t.equal(arrivals.length, 3)
  t.notMatch(gateway.logText(), password)
})

t.test('the proxy itself may be reached over TLS, and its certificate is checked', async t => {
  const { hosts, ca } = await startUpstreams(t)
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-proxy-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const authority = await createAuthority(folder, 'proxies')
  const tls = await authority.issue({ subject: '/CN=proxy', san: ['DNS:localhost'] })
  const proxy = await startForwardProxy(t, hosts, { tls })
  const before = getCACertificates()
  setDefaultCACertificates([...before, authority.cert])
  t.teardown(() => setDefaultCACertificates(before))
  const proxies = `  https: ${https()}\n  http: ${http()}`
  for (const [host, passes] of [
    ['localhost', true],
    ['127.0.0.1', false],
  ] as const) {
    const url = `https://${host}:${proxy.port}`
    setEnvironment(t, { HTTPS_PROXY: url, HTTP_PROXY: url })
    const gateway = await startGateway(t, proxies, ca)
    for (const name of ['https', 'http']) {
      const [reason] = [await call(gateway, name)].flat()
      t.same(reason, passes ? {} : 'upstream_unreachable', `${host} ${name}`)
    }
  }
  t.equal(proxy.seen.length, 2)
})

t.test('`upstream.host` goes through a proxy, and does not change which certificate is right', async t => {
  const { hosts, arrivals, ca } = await startUpstreams(t)
  const proxy = await startForwardProxy(t, hosts)
  const url = `http://127.0.0.1:${proxy.port}`
  setEnvironment(t, { HTTPS_PROXY: url, HTTP_PROXY: url })
  const host = ', host: "localhost:8000"'
  const gateway = await startGateway(t, `  https: ${https(host)}\n  http: ${http(host)}`, ca)
  t.same(await call(gateway, 'https'), {})
  t.same(await call(gateway, 'http'), {})
  t.same(
    arrivals.map(arrival => [arrival.scheme, arrival.host, arrival.server]),
    [
      ['https', 'localhost:8000', 'tools.example'],
      ['http', 'localhost:8000', undefined],
    ],
  )
  t.same(
    proxy.seen.map(([, target]) => target),
    ['tools.example:8443', 'http://tools.example:8080/mcp?x=1'],
  )
})

t.test('loopback upstreams and those in NO_PROXY are reached directly', async t => {
  const upstream = await startTestUpstream((_, response) => json(response, { id: 1, result: {} }))
  t.teardown(upstream.close)
  const proxy = await startForwardProxy(t, {})
  const url = `http://127.0.0.1:${proxy.port}`
  setEnvironment(t, { HTTP_PROXY: url, HTTPS_PROXY: url, NO_PROXY: 'nowhere.invalid' })
  const { port } = new URL(upstream.url)
  const to = (host: string): string => `{auth: none, upstream: {url: "http://${host}:${port}/mcp"}}`
  const gateway = await startGateway(
    t,
    `  address: ${to('127.0.0.1')}\n  name: ${to('localhost')}\n  exempt: ${to('nowhere.invalid')}`,
    '',
  )
  t.same(await call(gateway, 'address'), {})
  t.same(await call(gateway, 'name'), {})
  t.match(await call(gateway, 'exempt'), ['upstream_unreachable'])
  t.same(proxy.seen, [])
})

t.test('a proxy that refuses, fails or is malformed is an error, and nothing goes out directly', async t => {
  const { hosts, ca, arrivals } = await startUpstreams(t)
  const proxies = `  https: ${https()}\n  http: ${http()}`
  const refusing = await startForwardProxy(t, hosts, { status: 407 })
  const cases: Record<string, [url: string, https: string, http: string]> = {
    refuses: [`http://127.0.0.1:${refusing.port}`, 'proxy_refused', 'proxy_unauthorized'],
    absent: ['http://127.0.0.1:1', 'proxy_failed', 'proxy_failed'],
    'speaks TLS': [`https://127.0.0.1:${refusing.port}`, 'proxy_failed', 'proxy_failed'],
    malformed: [`http://agent:${password}@not a proxy`, 'proxy_failed', 'proxy_failed'],
    SOCKS: [`socks5://agent:${password}@127.0.0.1:${refusing.port}`, 'proxy_failed', 'proxy_failed'],
  }
  for (const [name, [url, ofHttps, ofHttp]] of Object.entries(cases)) {
    setEnvironment(t, { HTTPS_PROXY: url, HTTP_PROXY: url })
    const gateway = await startGateway(t, proxies, ca)
    await call(gateway, 'https')
    await call(gateway, 'http')
    const details = await until(() => {
      const requests = gateway.lines.filter(line => line['event'] === 'request')
      return requests.length === 2 && requests.map(({ detail }) => detail)
    }, 'both calls are logged')
    t.same(details, [ofHttps, ofHttp], name)
    t.notMatch(gateway.logText(), password)
  }
  t.same(arrivals, [])
})

t.test('requests for keys and tokens go through the proxy, which resolves the names', async t => {
  const keys = await startTestUpstream((_, response) => json(response, { keys: [] }))
  t.teardown(keys.close)
  const proxy = await startForwardProxy(t, { 'keys.example:80': Number(new URL(keys.url).port) })
  const url = `http://agent:${password}@127.0.0.1:${proxy.port}`
  const environment = { HTTPS_PROXY: url, http_proxy: url, NO_PROXY: 'direct.invalid' }
  const { fetch, close } = createOutbound(new Set(['keys.example', 'issuer.example', 'direct.invalid']), {
    environment,
  })
  t.teardown(close)
  t.match(await fetch('http://keys.example/keys?x=1'), { status: 200, text: '{"keys":[]}' })
  await t.rejects(fetch('https://issuer.example/token'), { code: 'proxy_refused', status: 502 })
  await t.rejects(fetch('https://public.example/'), { code: 'proxy_refused' }, 'only metadata names it')
  await t.rejects(fetch('https://direct.invalid/'), { code: 'ENOTFOUND' })
  t.same(
    proxy.seen.map(([method, target]) => `${method} ${target}`),
    ['GET http://keys.example/keys?x=1', 'CONNECT issuer.example:443', 'CONNECT public.example:443'],
  )

  proxy.seen.splice(0)
  const internal = [
    'https://10.0.0.1/',
    'https://169.254.169.254/',
    'https://[fd00::1]/',
    'https://[::ffff:10.0.0.1]/',
    'https://0x7f.1/',
    'https://localhost/',
    'https://intranet/',
    'https://metadata.google.internal/',
    'https://printer.local/',
    'http://public.example/',
  ]
  for (const target of internal) await t.rejects(fetch(target), { name: 'OutboundRefused' }, target)
  t.same(proxy.seen, [], 'what is internal by its form is refused with a proxy, too')
})

t.test('an issuer and a token endpoint of the configuration are asked through the proxy', async t => {
  const proxy = await startForwardProxy(t, {})
  setEnvironment(t, { HTTPS_PROXY: `http://127.0.0.1:${proxy.port}` })
  const { hosts } = await startUpstreams(t)
  const gateway = await startTestGateway(
    `
auth:
  tokens: {type: jwt, issuer: "https://issuer.example", audiences: [x], grants: [{roles: [all]}]}
roles:
  all: {access: {"*": {tools: {allow: ["*"]}}}}
proxies:
  main: {auth: [tokens], upstream: {url: "http://127.0.0.1:${hosts['tools.example:8080']}/mcp"}}
  open:
    auth: none
    upstream:
      url: "http://127.0.0.1:${hosts['tools.example:8080']}/mcp"
      auth: {type: client-credentials, tokenUrl: "https://tokens.example/token", clientId: x, clientSecret: {env: S}}
`,
    { env: { S: 'canary-of-the-client-secret-0123456789' } },
  )
  t.teardown(gateway.close)
  t.match(await call(gateway, 'open'), ['upstream_unreachable'])
  await until(() => proxy.seen.some(([, target]) => target === 'issuer.example:443'), 'the keys are fetched')
  t.ok(proxy.seen.some(([method, target]) => method === 'CONNECT' && target === 'tokens.example:443'))
})

t.test('NO_PROXY is read as by curl and Go, and loopback needs none', async t => {
  const proxyOf = (url: string, NO_PROXY: string): string | undefined =>
    proxyFromEnvironment(new URL(url), {
      HTTPS_PROXY: 'proxy:3128',
      HTTP_PROXY: 'http://[fd00::1]:80/',
      NO_PROXY,
    })?.origin
  const rows: [url: string, list: string, direct: boolean][] = [
    ['https://a.example', '', false],
    ['https://a.example', '*', true],
    ['https://a.example', 'b.example, a.example', true],
    ['https://a.example', 'b.example A.Example', true],
    ['https://x.a.example', 'a.example', true],
    ['https://x.a.example', '.a.example', true],
    ['https://x.a.example', '*.a.example', true],
    ['https://xa.example', 'a.example', false],
    ['https://a.example', 'a.example:443', true],
    ['https://a.example:8443', 'a.example:443', false],
    ['http://a.example', 'a.example:80', true],
    ['https://a.example.', 'a.example', true],
    ['https://10.1.2.3', '10.0.0.0/8', true],
    ['https://10.1.2.3', '10.1.2.3', true],
    ['https://110.1.2.3', '10.0.0.0/8', false],
    ['https://[fd00::2]', 'fd00::/8', true],
    ['https://[fd00::2]:8443', '[fd00::2]:8443', true],
    ['https://[fd00::2]', 'fd00::2', true],
    ['https://localhost:8443', '', true],
    ['https://a.localhost', '', true],
    ['http://127.1.2.3', '', true],
    ['http://[::1]:80', '', true],
  ]
  for (const [url, list, direct] of rows)
    t.equal(proxyOf(url, list) === undefined, direct, `${url} with "${list}"`)
  t.equal(proxyOf('https://a.example', ''), 'http://proxy:3128')
  t.equal(proxyOf('http://a.example', ''), 'http://[fd00::1]')
  const both = { https_proxy: 'http://lower', HTTPS_PROXY: 'http://upper', HTTP_PROXY: '' }
  t.equal(proxyFromEnvironment(new URL('https://a.example'), both)?.hostname, 'lower')
  t.equal(proxyFromEnvironment(new URL('http://a.example'), both), undefined)
  t.equal(proxyFromEnvironment(new URL('http://a.example'), { HTTPS_PROXY: 'http://x' }), undefined)
})

t.test('a proxy URL is checked, and its text is in no message', async t => {
  for (const text of [
    'socks5://a',
    'http://',
    'http://a/path',
    'http://a?x',
    'a b',
    'http://%zz:x@a',
    'ftp://a',
  ])
    t.throws(() => parseProxyUrl(text.replace('a', password)), MalformedError, text)
  const yaml = (file: string): string =>
    `version: 1\nproxies: {main: {auth: none, upstream: {url: "http://a.example/mcp", proxy: {file: ${file}}}}}\n`
  const texts = { good: 'https://u:p@proxy:3128\n', bad: `socks5://${password}@proxy` }
  t.same(found(loadTexts({ 'gateway.yaml': yaml('good'), ...texts })), [])
  const refused = loadTexts({ 'gateway.yaml': yaml('bad'), ...texts })
  t.match(found(refused).join(), 'GH1110')
  t.notMatch(JSON.stringify(refused.diagnostics), password)
})

t.test('a fragment reaches only a proxy on a host that it may reach', async t => {
  const main =
    'version: 1\ninclude:\n  - {path: a.yaml, owns: [a], env: [A_PROXY], hosts: [a.example, "proxy.a.example"]}\n'
  const fragment =
    'proxies: {a: {auth: none, upstream: {url: "http://a.example/mcp", proxy: {env: A_PROXY}}}}\n'
  const codes = (A_PROXY: string): string =>
    found(loadTexts({ 'gateway.yaml': main, 'a.yaml': fragment }, { env: { A_PROXY } })).join()
  t.equal(codes('http://proxy.a.example:3128'), '')
  t.match(codes('http://169.254.169.254'), 'GH1024')
})
