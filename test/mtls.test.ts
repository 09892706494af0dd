import { execFileSync } from 'node:child_process'
import { createHash, X509Certificate } from 'node:crypto'
import { cpSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { Agent } from 'node:https'
import { connect as connectTcp } from 'node:net'
import { join } from 'node:path'
import { connect, type PeerCertificate, type TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { certificateThumbprint, readCertificate, readNames } from '../gateway/auth/certificate.ts'
import { createTrust } from '../gateway/auth/trust.ts'
import { load } from '../gateway/config/load.ts'
import { startExample } from './fixtures/example.ts'
import { createAuthority, type Issued, type Wanted } from './fixtures/certificates.ts'
import { hashSecret } from '../gateway/auth/api-key/key.ts'
import { startTestGateway, type TestGateway } from './fixtures/gateway.ts'
import { until } from './fixtures/until.ts'
import { call, follow, type Answered, type Caller, type Followed } from './fixtures/secure.ts'
import { answerOrStream, startTestUpstream } from './fixtures/upstream.ts'

const key = 'canary-of-the-mtls-test-0123456789abcdef012'
const folder = t.testdir()
const [servers, clients, otherCa] = await Promise.all(
  ['servers', 'clients', 'others'].map(name => createAuthority(folder, name)),
)
const server = await issueServer()
const agentName = 'URI:spiffe://example.com/agent/a'
const agent = await clients!.issue({ san: [agentName], usage: 'clientAuth' })

const upstream = await startTestUpstream(answerOrStream)
t.teardown(upstream.close)

function issueServer(wanted: Wanted = {}): Promise<Issued> {
  const names = ['DNS:localhost', 'IP:127.0.0.1']
  return servers!.issue({ subject: '/CN=gateway', san: names, usage: 'serverAuth', ...wanted })
}

let files = 0
/** Writes a file atomically, and returns its path. */
function put(text: string, name = `file-${files++}`): string {
  const path = join(folder, name)
  writeFileSync(`${path}.next`, text)
  renameSync(`${path}.next`, path)
  return path
}

interface Shape {
  cert?: string
  key?: string
  tls?: string
  grants?: string
  method?: string
  auth?: string
  keys?: string
  roles?: string
}

const everything = '{tools: {allow: ["*"]}}'
const serverFiles = { cert: put(server.cert), key: put(server.key) }
const clientCa = put(clients!.cert)
const asking = `, clientCa: {file: "${clientCa}"}`

/** Returns a configuration with TLS that accepts a key and a certificate. */
function config(shape: Shape = {}): string {
  const { tls = asking, grants = '[{when: {san: "*"}, roles: [all]}]', method = '', keys = '' } = shape
  return `listen:
  tls: {cert: {file: "${shape.cert ?? serverFiles.cert}"}, key: {file: "${shape.key ?? serverFiles.key}"}${tls}}
auth:
  keys: {type: api-key}
  machines: {type: mtls, grants: ${grants}${method}}
roles:
  ${shape.roles ?? `all: {access: {main: ${everything}}}`}
keys:
  ann: {roles: [all], secrets: [{hash: "${hashSecret(key)}"}]${keys}}
proxies:
  main: {auth: ${shape.auth ?? '[keys, machines]'}, upstream: {url: "${upstream.url}"}}
`
}

async function start(t: Test, shape: Shape = {}): Promise<{ gateway: TestGateway; url: string }> {
  const gateway = await startTestGateway(config(shape))
  t.teardown(gateway.close)
  return { gateway, url: `${gateway.url}/main/mcp` }
}

const bearer = { authorization: `Bearer ${key}` }
const caller = (as?: Issued, more: Caller = {}): Caller => ({ ca: servers!.cert, as, ...more })
const ask = (url: string, as?: Issued, more: Caller = {}): Promise<Answered> => call(url, caller(as, more))

/** Connects, and returns the version and certificate of the server, or an error. */
function shake(
  url: string,
  more: object = {},
): Promise<{ version?: string; digest?: string; error?: string }> {
  return new Promise(resolve => {
    const { port } = new URL(url)
    const socket: TLSSocket = connect({ host: '127.0.0.1', port: Number(port), ca: servers!.cert, ...more })
    socket.once('secureConnect', () => {
      const { fingerprint256 } = socket.getPeerCertificate() as PeerCertificate
      resolve({
        version: String(socket.getProtocol()),
        digest: fingerprint256.replaceAll(':', '').toLowerCase(),
      })
      socket.destroy()
    })
    socket.once('error', (error: NodeJS.ErrnoException) => resolve({ error: error.code ?? error.message }))
  })
}

async function applied(gateway: TestGateway, write: () => void): Promise<void> {
  const before = (await gateway.status()).revision
  write()
  await until(async () => (await gateway.status()).revision !== before, 'the change is applied')
}

t.test('the server refuses TLS versions below the configured one', async t => {
  const { gateway, url } = await start(t, { tls: '', auth: '[keys]', method: from([]) })
  t.match(gateway.url, /^https:/)
  t.match(await ask(url, undefined, { headers: bearer }), { status: 200 })
  t.match(await shake(url), { version: 'TLSv1.3', digest: server.digest })
  t.match(await shake(url, { maxVersion: 'TLSv1.2' }), { version: 'TLSv1.2' })
  const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }
  t.match(await shake(url, old), { error: /PROTOCOL_VERSION/ })
  await applied(gateway, () =>
    gateway.write(config({ tls: ', minVersion: TLSv1.3', auth: '[keys]', method: from([]) })),
  )
  t.match(await shake(url, { maxVersion: 'TLSv1.2' }), { error: /PROTOCOL_VERSION/ })
  t.match(await shake(url), { version: 'TLSv1.3' })
})

t.test('bytes that are not a handshake get no answer, no log line, and affect nobody', async t => {
  const { gateway, url } = await start(t)
  const speak = (text: string): Promise<string> =>
    new Promise(resolve => {
      let got = ''
      const socket = connectTcp(Number(new URL(url).port), '127.0.0.1', () => socket.write(text))
      socket.setEncoding('latin1').on('data', chunk => (got += String(chunk)))
      socket.on('error', () => {}).on('close', () => resolve(got))
    })
  for (const text of ['GET /main/mcp HTTP/1.1\r\nHost: x\r\n\r\n', '\x16\x03\x01\xff\xff', '\0'.repeat(64)]) {
    t.notMatch(await speak(text), /HTTP|gate|json/)
  }
  t.match(await ask(url, agent), { status: 200 })
  await until(() => gateway.lines.some(({ event }) => event === 'request'), 'the call is logged')
  t.strictSame(
    gateway.lines
      .map(({ event, status }) => [event, status])
      .filter(([event]) => event !== 'listening' && event !== 'endpoint'),
    [['request', 200]],
  )
})

t.test('a handshake that never ends is cut off, and does not delay a stop', async t => {
  const silent = async (gateway: TestGateway): Promise<{ closed: Promise<number> }> => {
    const socket = connectTcp(Number(new URL(gateway.url).port), '127.0.0.1').on('error', () => {})
    const closed = new Promise<number>(resolve => socket.once('close', () => resolve(Date.now())))
    await new Promise(resolve => socket.once('connect', resolve))
    return { closed }
  }
  const impatient = await startTestGateway(config().replace('auth:', '  timeout: {request: 300ms}\nauth:'))
  t.teardown(impatient.close)
  await (
    await silent(impatient)
  ).closed
  const stopping = await startTestGateway(config())
  const { closed } = await silent(stopping)
  const begun = Date.now()
  await stopping.close()
  t.ok((await closed) - begun < 5000)
})

t.test('files are rotated under streams and calls', async t => {
  const paths = { cert: put(server.cert), key: put(server.key) }
  const { gateway, url } = await start(t, paths)
  const streams: Followed[] = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      index % 2 === 0 ? follow(url, caller(agent)) : follow(url, caller(undefined, { headers: bearer })),
    ),
  )
  const kept = new Agent({ keepAlive: true, maxSockets: 1 })
  const firing = new AbortController()
  const statuses: number[] = []
  const fire = async (agentOf: Agent | false): Promise<void> => {
    while (!firing.signal.aborted) statuses.push((await ask(url, agent, { agent: agentOf })).status)
  }
  const shots = [fire(kept), fire(false)]

  for (let round = 0; round < 5; round++) {
    const next = await issueServer()
    // Between the two writes, key and certificate do not match: that is refused, and the old pair stays in use.
    await applied(gateway, () => {
      put(next.key, paths.key.split('/').at(-1))
      put(next.cert, paths.cert.split('/').at(-1))
    })
    t.match(await shake(url), { digest: next.digest }, 'a new connection gets the new certificate')
  }
  const last = await shake(url)
  put(server.key, paths.key.split('/').at(-1))
  await until(
    async () => (await gateway.status()).lastReload.diagnostics.length > 0,
    'the half pair is refused',
  )
  t.match((await gateway.status()).lastReload.diagnostics, [{ code: 'GH1108' }])
  t.strictSame(await shake(url), last, 'the last good pair serves')
  put('nothing', paths.cert.split('/').at(-1))
  await until(
    async () => (await gateway.status()).lastReload.diagnostics.some(({ code }) => code === 'GH1107'),
    'the unreadable file is refused',
  )
  t.strictSame(await shake(url), last)

  firing.abort()
  await Promise.all(shots)
  kept.destroy()
  t.ok(statuses.length > 20, `${statuses.length} calls`)
  t.ok(
    statuses.every(status => status === 200),
    'no call fails',
  )
  t.strictSame(
    streams.filter(stream => stream.endedAt() > 0),
    [],
    'no stream is dropped',
  )
})

t.test('turning TLS or client certificates on or off needs a restart', async t => {
  const without: Shape = { tls: '', method: from([]) }
  const plain = config(without).replace(/^listen:\n.*\n/, '')
  const cases: [string, string, string][] = [
    ['TLS off', config(without), plain],
    ['TLS on', plain, config(without)],
    ['client certificates on', config(without), config()],
    ['client certificates off', config(), config(without)],
  ]
  for (const [name, before, after] of cases) {
    const gateway = await startTestGateway(before)
    t.teardown(gateway.close)
    gateway.write(after)
    await until(
      async () => (await gateway.status()).lastReload.diagnostics.length > 0,
      `it is refused: ${name}`,
    )
    t.match((await gateway.status()).lastReload.diagnostics, [{ code: 'GH1318' }], name)
    const caller = { ca: servers!.cert, headers: bearer }
    t.match(
      await call(`${gateway.url}/main/mcp`, caller),
      { status: 200 },
      'the previous revision is still in use',
    )
  }
})

/** The fields of an auth method that reads a header. */
function from(proxies: readonly string[], more = ''): string {
  const list = proxies.length === 0 ? '192.0.2.1' : proxies.map(proxy => `"${proxy}"`).join(', ')
  return `, from: {header: X-Agent-Cert, proxies: [${list}], ca: {file: "${clientCa}"}${more}}`
}

t.test('a certificate needs a trusted CA, current dates, the right use, and no revocation', async t => {
  const day = 86_400_000
  const now = Date.now()
  const inner = await clients!.below('inner')
  const revoked = await clients!.issue({ san: [agentName] })
  await clients!.revoke(revoked)
  const under = await inner.issue({ san: [agentName] })
  const underRevoked = await inner.issue({ san: [agentName] })
  await inner.revoke(underRevoked)
  const crl = put((await clients!.list()) + (await inner.list()))
  const { gateway, url } = await start(t, { tls: `${asking}, crl: {file: "${crl}"}` })
  const issue = (wanted: Wanted): Promise<Issued> => clients!.issue({ san: [agentName], ...wanted })
  const chained = (issued: Issued): Issued => ({ ...issued, cert: issued.cert + inner.cert })

  const good: [string, Issued][] = [
    ['with clientAuth', agent],
    ['without extended key usage', await issue({})],
    ['with several usages', await issue({ usage: 'serverAuth,clientAuth' })],
    ['by a CA in between', chained(under)],
  ]
  for (const [name, issued] of good) t.match(await ask(url, issued), { status: 200 }, name)

  const bad: [string, Issued | undefined, string][] = [
    ['none', undefined, 'credential_missing'],
    ['of another CA', await otherCa!.issue({ san: [agentName] }), 'credential_invalid'],
    ['signed by itself', await createAuthority(folder, 'itself'), 'credential_invalid'],
    [
      'expired',
      await issue({ from: new Date(now - 2 * day), to: new Date(now - day) }),
      'credential_expired',
    ],
    ['not yet valid', await issue({ from: new Date(now + day) }), 'credential_invalid'],
    ['revoked', revoked, 'credential_invalid'],
    ['revoked by a CA in between', chained(underRevoked), 'credential_invalid'],
    ['without the CA in between', under, 'credential_invalid'],
    ['for servers only', await issue({ usage: 'serverAuth' }), 'credential_invalid'],
  ]
  for (const [name, issued, reason] of bad) {
    const { status, reason: got, headers } = await ask(url, issued)
    t.strictSame([status, got], [401, reason], name)
    t.match(headers['www-authenticate'], /^Bearer realm="main".*, Certificate realm="main"$/)
    t.equal(headers['content-type'], 'text/plain; charset=utf-8')
  }
  t.equal(gateway.lines.filter(line => line['event'] === 'internal_error').length, 0)
  t.match((await ask(url)).message, /Bearer KEY, or a client certificate/)
})

t.test('grants match names, subject and fingerprint', async t => {
  const other = await clients!.issue({ subject: '/CN=other' })
  const print = other.digest.toUpperCase().replaceAll(/..(?=.)/g, '$&:')
  const grants = JSON.stringify([
    { when: { san: 'spiffe://example.com/agent/*' }, roles: ['uri'] },
    { when: { san: ['nothing', '*.example.com'] }, roles: ['dns'] },
    { when: { san: '*@example.com' }, roles: ['email'] },
    { when: { subject: String.raw`CN=agent-*,O=Ex\\, Inc` }, roles: ['subject'] },
    { when: { fingerprint: print }, roles: ['print'] },
    { when: { san: 'spiffe://example.com/agent/b', subject: 'CN=b' }, roles: ['both'] },
  ])
  const roles = ['uri', 'dns', 'email', 'subject', 'print', 'both']
    .map(role => `${role}: {access: {main: {tools: {allow: ["get_*"], deny: ["not_${role}"]}}}}`)
    .join('\n  ')
  const { gateway, url } = await start(t, { grants, roles: `all: {access: {}}\n  ${roles}` })
  const cases: [string, Wanted, number, string][] = [
    ['a URI', { san: [agentName] }, 200, 'URI:spiffe://example.com/agent/a'],
    ['a URI, whatever its place', { san: ['DNS:x.y', agentName] }, 200, 'URI:spiffe://example.com/agent/a'],
    ['a DNS name, in any case', { san: ['DNS:A.Example.COM'] }, 200, 'DNS:a.example.com'],
    ['an email address', { san: ['email:ann@example.com'] }, 200, 'email:ann@example.com'],
    ['a subject', { subject: '/O=Ex, Inc/CN=agent-1' }, 200, String.raw`subject:CN=agent-1,O=Ex\, Inc`],
    [
      'all of several conditions',
      { subject: '/CN=b', san: ['URI:spiffe://example.com/agent/b'] },
      200,
      'URI:',
    ],
    ['another URI', { san: ['URI:spiffe://example.com/other/a'] }, 403, 'URI:'],
    ['nothing at all', { subject: '/CN=nobody' }, 403, 'subject:CN=nobody'],
    ['an email address for a DNS name', { san: ['email:ann@mail.example.com'] }, 403, 'email:'],
    ['a URI for an email address', { san: ['URI:https://x/ann@example.com'] }, 403, 'URI:'],
    ['a URI within a DNS name', { san: ['DNS:URI:spiffe://example.com/agent/a'] }, 403, 'subject:'],
    ['a URI after a comma', { san: ['DNS:x, URI:spiffe://example.com/agent/a'] }, 403, 'subject:'],
    [
      'a URI after a comma in a URI',
      { san: ['URI:http://x/, URI:spiffe://example.com/agent/a'] },
      403,
      'subject:',
    ],
    ['a URI after a quote', { san: ['DNS:x", URI:spiffe://example.com/agent/a'] }, 403, 'subject:'],
    ['the whole name of another kind', { san: ['DNS:spiffe://example.com/agent/a'] }, 403, 'subject:'],
    ['a part of the subject', { subject: '/O=Ex/CN=agent-1,O=Ex, Inc' }, 403, 'subject:'],
  ]
  for (const [name, wanted, status, principal] of cases) {
    const before = gateway.lines.length
    t.equal((await ask(url, await clients!.issue(wanted))).status, status, name)
    const line = await until(
      () => gateway.lines.slice(before).find(({ event }) => event === 'request'),
      'the line is written',
    )
    t.ok(String(line['principal']).startsWith(principal), `${name}: ${String(line['principal'])}`)
    if (status === 403) t.equal(line['rule'], '/auth/machines/grants')
  }
  t.match(await ask(url, other), { status: 200 }, 'a fingerprint')
})

t.test('names that are quoted, malformed or of another kind are not misread', async t => {
  const cases: [string, object][] = [
    ['', {}],
    ['DNS:a.b, URI:x:y, email:a@b, IP Address:1.2.3.4', { dns: ['a.b'], uri: ['x:y'], email: ['a@b'] }],
    [String.raw`URI:"x:y\u002c URI:z"`, { uri: [] }],
    [String.raw`DNS:"a\u0000.b"`, { dns: [] }],
    ['DNS:"a', { dns: [] }],
    ['DirName:CN=a, DNS:c.d', { dns: ['c.d'] }],
    ['DNS:a b, DNS:-, DNS:a@b, DNS:a:b', { dns: [] }],
    ['URI:no-scheme, URI:a:b c', { uri: [] }],
    ['email:a@b@c, email:x:y@z', { email: [] }],
  ]
  for (const [text, expected] of cases) {
    t.strictSame(readNames(text), { uri: [], dns: [], email: [], ...expected }, text)
  }
})

t.test('the thumbprint that tokens are bound to', async t => {
  // RFC 8705 §3.1: `openssl x509 -outform der | openssl dgst -sha256 -binary`, in base64url.
  const certificate = readCertificate(new X509Certificate(agent.cert), [], undefined)
  const wanted = createHash('sha256').update(new X509Certificate(agent.cert).raw).digest('base64url')
  t.equal(certificateThumbprint({ clientCertificate: () => certificate }), wanted)
  t.equal(certificateThumbprint({ clientCertificate: () => undefined }), undefined)
})

t.test('a certificate decides only without another credential', async t => {
  const { gateway, url } = await start(t)
  const stranger = await otherCa!.issue({})
  const principal = async (): Promise<unknown> =>
    until(() => gateway.lines.findLast(line => line['event'] === 'request')?.['principal'], 'it is logged')
  t.match(await ask(url, agent, { headers: bearer }), { status: 200 })
  t.equal(await principal(), 'ann')
  t.match(await ask(url, stranger, { headers: bearer }), { status: 200 })
  const wrong = { authorization: 'Bearer wrong' }
  t.match(await ask(url, agent, { headers: wrong }), { status: 401, reason: 'credential_invalid' })
  await applied(gateway, () => gateway.write(config({ auth: '[keys]' })))
  t.match(await ask(url, agent), { status: 401, reason: 'credential_missing' })
})

t.test('a CA that was revoked by its own CA is no longer an anchor', async t => {
  const inner = await clients!.below('revoked-inner')
  const under = await inner.issue({ san: [agentName] })
  const certificate = readCertificate(new X509Certificate(under.cert), [], undefined)
  const anchors = clients!.cert + inner.cert
  const before = createTrust(anchors, (await clients!.list()) + (await inner.list()))
  t.equal(before.problemOf(certificate, Date.now()), undefined)
  await clients!.revoke(inner)
  const after = createTrust(anchors, (await clients!.list()) + (await inner.list()))
  t.equal(after.problemOf(certificate, Date.now()), 'untrusted')
})

t.test('a certificate header is accepted only from listed addresses', async t => {
  const gatewayFor = async (more: string): Promise<string> => {
    const plain = config({ method: more }).replace(/^listen:\n.*\n/, '')
    const gateway = await startTestGateway(plain)
    t.teardown(gateway.close)
    return `${gateway.url}/main/mcp`
  }
  const revoked = await clients!.issue({ san: [agentName] })
  await clients!.revoke(revoked)
  const crl = put(await clients!.list())
  const url = await gatewayFor(from(['10.0.0.0/8', '127.0.0.0/8'], `, crl: {file: "${crl}"}`))
  const nginx = ({ cert }: Issued): string => encodeURIComponent(cert)
  const rfc = ({ cert }: Issued): string => `:${cert.replaceAll(/-----[^-]*-----|\s/g, '')}:`
  const send = (to: string, value: string): Promise<Answered> =>
    call(to, { headers: { 'x-agent-cert': value } })

  t.match(await send(url, nginx(agent)), { status: 200 })
  t.match(await send(url, rfc(agent)), { status: 200 })
  const arrived = JSON.stringify(upstream.arrivals.map(({ headers }) => headers))
  t.notMatch(arrived, /-cert|BEGIN/, 'it is never forwarded')
  const bad: [string, string][] = [
    ['one for servers', rfc(await clients!.issue({ usage: 'serverAuth' }))],
    ['two values', `${rfc(agent)}, ${rfc(agent)}`],
    ['no certificate', ':AAAA:'],
  ]
  for (const [name, value] of bad) {
    t.match(await send(url, value), { status: 401, reason: 'credential_invalid' }, name)
  }
  const unlisted = await gatewayFor(from(['127.0.0.1']))
  t.match(await send(unlisted, nginx(revoked)), { status: 200 }, 'without a list nothing is revoked')
  const namesake = await (
    await createAuthority(join(folder, 'forged'), 'clients')
  ).issue({ san: [agentName] })
  for (const forged of [namesake, await otherCa!.issue({ san: [agentName] })]) {
    t.match(await send(unlisted, nginx(forged)), { status: 401, reason: 'credential_invalid' })
  }
  const elsewhere = await gatewayFor(from(['10.0.0.0/8', '::1']))
  t.match(await send(elsewhere, nginx(agent)), { status: 401, reason: 'credential_missing' })
  const seen = upstream.arrivals.length
  const names = ['x-agent-cert', 'client-cert', 'client-cert-chain', 'x-client-cert', 'x-ssl-client-verify']
  const both = { ...bearer, ...Object.fromEntries(names.map(name => [name, nginx(agent)])) }
  t.match(await call(elsewhere, { headers: both }), { status: 200 })
  t.notMatch(Object.keys(upstream.arrivals[seen]!.headers).join(), /cert|ssl/)
})

t.test('a key that is bound to a certificate needs it', async t => {
  const { gateway, url } = await start(t, { keys: `, certificate: ${agent.digest}` })
  const refused = { status: 401, reason: 'credential_invalid' }
  t.match(await ask(url, agent, { headers: bearer }), { status: 200 })
  t.match(await ask(url, undefined, { headers: bearer }), refused, 'none')
  const other = await clients!.issue({ san: [agentName] })
  t.match(await ask(url, other, { headers: bearer }), refused, 'another')
  const foreign = await otherCa!.issue({})
  await applied(gateway, () => gateway.write(config({ keys: `, certificate: ${foreign.digest}` })))
  t.match(await ask(url, foreign, { headers: bearer }), refused, 'the right one, but of an unknown CA')

  await applied(gateway, () => gateway.write(config()))
  const free = await follow(url, caller(undefined, { headers: bearer }))
  await applied(gateway, () => gateway.write(config({ keys: `, certificate: ${agent.digest}` })))
  await until(() => free.endedAt(), 'a stream that was opened without it ends')
  const bound = await follow(url, caller(agent, { headers: bearer }))
  await applied(gateway, () => gateway.write(config({ keys: `, certificate: ${agent.digest}, owner: x` })))
  t.equal(bound.endedAt(), 0)
  await applied(gateway, () => gateway.write(config({ keys: `, certificate: ${other.digest}` })))
  await until(() => bound.endedAt(), 'a stream ends when its key is bound to another')
})

t.test('streams end with the certificate that they depend on', async t => {
  const { gateway, url } = await start(t)
  const notAfter = Math.ceil((Date.now() + 1500) / 1000) * 1000
  const short = await clients!.issue({ san: [agentName], to: new Date(notAfter) })
  const kept = await follow(url, caller(agent))
  const expiring = await follow(url, caller(short))
  await until(() => expiring.endedAt(), 'the certificate expires')
  t.ok(Math.abs(expiring.endedAt() - notAfter) < 1000, `${expiring.endedAt() - notAfter} ms after notAfter`)
  t.match(expiring.text(), /credential_expired/)
  t.equal(kept.endedAt(), 0)

  const more = '[{when: {san: "*"}, roles: [all]}, {when: {san: "x"}, roles: [all]}]'
  await applied(gateway, () => gateway.write(config({ grants: more })))
  t.equal(kept.endedAt(), 0, 'an additional grant ends no stream')
  await applied(gateway, () => gateway.write(config({ grants: '[{when: {san: "x"}, roles: [all]}]' })))
  await until(() => kept.endedAt(), 'its grant is gone')
  t.match(kept.text(), /"reason":"forbidden"/)
})

t.test('a revocation applies to open connections and streams', async t => {
  const doomed = await clients!.issue({ san: [agentName] })
  const list = put(await clients!.list())
  const shape = { tls: `${asking}, crl: {file: "${list}"}`, keys: `, certificate: ${doomed.digest}` }
  const { gateway, url } = await start(t, shape)
  const kept = { agent: new Agent({ keepAlive: true, maxSockets: 1 }) }
  t.teardown(() => kept.agent.destroy())
  t.match(await ask(url, doomed, kept), { status: 200 })
  t.match(await ask(url, doomed, { ...kept, headers: bearer }), { status: 200 })
  const [stream, other] = [await follow(url, caller(doomed)), await follow(url, caller(agent))]
  await clients!.revoke(doomed)
  const next = await clients!.list()
  await applied(gateway, () => void put(next, list.split('/').at(-1)))
  await until(() => stream.endedAt(), 'the stream ends')
  t.match(await ask(url, doomed, kept), { status: 401 }, 'on the open connection')
  t.match(await ask(url, doomed, { ...kept, headers: bearer }), { status: 401 }, 'with a key bound to it')
  t.match(await ask(url, doomed), { status: 401 }, 'on a new one')
  t.match(await ask(url, agent), { status: 200 })
  t.equal(other.endedAt(), 0)
  const stale = await clients!.list(new Date(Date.now() - 1000))
  await applied(gateway, () => void put(stale, list.split('/').at(-1)))
  await until(() => other.endedAt(), 'a list that is out of date vouches for nobody')
  t.match((await gateway.status()).lastReload.diagnostics, [{ code: 'GH1405' }])
  t.match(await ask(url, agent), { status: 401, reason: 'credential_invalid' })
})

t.test('changed CAs apply to open connections and streams', async t => {
  const authorities = put(clients!.cert)
  const { gateway, url } = await start(t, { tls: `, clientCa: {file: "${authorities}"}` })
  const rename = authorities.split('/').at(-1)
  const stranger = await otherCa!.issue({ san: ['URI:spiffe://example.com/agent/stranger'] })
  const agents = [agent, stranger].map(() => new Agent({ keepAlive: true, maxSockets: 1 }))
  t.teardown(() => agents.forEach(one => one.destroy()))
  const [first, second] = agents as [Agent, Agent]
  t.match(await ask(url, agent, { agent: first }), { status: 200 })
  t.match(await ask(url, stranger, { agent: second }), { status: 401 })
  const stream = await follow(url, caller(agent))
  await applied(gateway, () => void put(clients!.cert + otherCa!.cert, rename))
  t.equal(stream.endedAt(), 0)
  t.match(await ask(url, agent, { agent: first }), { status: 200 })
  t.match(
    await ask(url, stranger, { agent: second }),
    { status: 401 },
    'a certificate that the handshake refused stays refused',
  )
  t.match(await ask(url, stranger), { status: 200 }, 'and a new one accepts it')
  await applied(gateway, () => void put(otherCa!.cert, rename))
  await until(() => stream.endedAt(), 'its CA is gone')
  t.match(await ask(url, agent, { agent: first }), { status: 401, reason: 'credential_invalid' })
})

t.test('TLS sessions are not resumed, so that no old verdict is used', async t => {
  const { url } = await start(t)
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const once = (session?: Buffer): Promise<{ session: Buffer | undefined; reused: boolean }> =>
      new Promise((resolve, reject) => {
        const options = { ca: servers!.cert, cert: agent.cert, key: agent.key, maxVersion }
        const socket = connect({
          port: Number(new URL(url).port),
          host: '127.0.0.1',
          ...options,
          ...(session && { session }),
        })
        let got: Buffer | undefined
        let reused = false
        socket.on('session', (next: Buffer) => (got = next)).on('error', reject)
        socket.on('secureConnect', () => {
          reused = socket.isSessionReused()
          socket.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
        })
        socket.resume().on('close', () => resolve({ session: got, reused }))
      })
    const first = await once()
    t.equal((await once(first.session)).reused, false, maxVersion)
  }
})

t.test('the example', async t => {
  const copy = join(t.testdir(), 'mtls')
  const example = join(import.meta.dirname, '../examples/mtls')
  cpSync(example, copy, { recursive: true, filter: path => !path.startsWith(join(example, 'tls')) })
  const script = (...args: string[]): Buffer =>
    execFileSync('sh', [join(copy, 'make-certificates.sh'), ...args])
  script()
  const env = { MOCK_URL: upstream.url }
  const path = join(copy, 'gateway.yaml')
  t.strictSame(load(path, { env, now: new Date() }).diagnostics, [])
  const gateway = await startExample(t, path, env)
  const read = (name: string): string => readFileSync(join(copy, 'tls', name), 'utf8')
  const as = (name: string): Caller => ({
    ca: read('servers.pem'),
    as: { cert: read(`${name}.crt`), key: read(`${name}.key`) },
  })
  const url = `${gateway.url}/mock/mcp`
  t.match(await call(url, as('report')), { status: 200 })
  t.match(await call(url, as('deploy')), { status: 200 })
  t.match(await call(url, { ca: read('servers.pem') }), { status: 401, reason: 'credential_missing' })
  script('--revoke', 'report')
  await gateway.reload()
  t.match(await call(url, as('report')), { status: 401, reason: 'credential_invalid' })
  t.match(await call(url, as('deploy')), { status: 200 })
})
