import { createHash, createHmac } from 'node:crypto'
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Worker } from 'node:worker_threads'
import t, { type Test } from 'tap'
import { loadHandover } from '../gateway/config/load-handover.ts'
import { readRevocations } from '../gateway/config/revocations.ts'
import { createLoader } from '../gateway/runtime/loader/loader.ts'
import { ConfigRefused } from '../gateway/runtime/apply.ts'
import { startGateway } from '../gateway/runtime/gateway.ts'
import { createAuthority } from './fixtures/certificates.ts'
import { startTestGateway, type TestGateway } from './fixtures/gateway.ts'
import { createIssuerKey, signToken, startTestIssuer } from './fixtures/issuer.ts'
import { call, follow, type Caller } from './fixtures/secure.ts'
import { until } from './fixtures/until.ts'
import { answerOrStream, startTestUpstream } from './fixtures/upstream.ts'

const upstream = await startTestUpstream(answerOrStream)
t.teardown(upstream.close)
const signing = await createIssuerKey('ES256', 'one')
const issuer = await startTestIssuer([signing])
t.teardown(issuer.close)
issuer.answers = token => ({ active: true, aud: 'main', sub: token.slice(-4), jti: `jti-${token.slice(-4)}` })

const folder = t.testdir()
const [servers, clients] = await Promise.all(
  ['servers', 'clients'].map(name => createAuthority(folder, name)),
)
const server = await servers!.issue({ subject: '/CN=gateway', san: ['IP:127.0.0.1'], usage: 'serverAuth' })
const issue = (name: string) =>
  clients!.issue({ san: [`URI:spiffe://example.com/${name}`], usage: 'clientAuth' })
const machine = await issue('machine')
const holder = await issue('holder')
const binder = await issue('binder')
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text)
  return `{file: "${join(folder, name)}"}`
}

const pepper = 'a-pepper-of-more-than-32-characters-0123'
const slowHash =
  'argon2id:$argon2id$v=19$m=32,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$PS0ZrpSBNr82OTsJSSgy8JDnkB32y+7dWH6ZiN++z98'
const slowTwin =
  'argon2id:$argon2id$v=19$m=32,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$JQphpz/6E7ls77ivKL6NAgk0virz/GUWl4wVavv28v4'
const plain = (secret: string): string => `sha256:${createHash('sha256').update(secret).digest('hex')}`
const peppered = (secret: string): string =>
  `hmac-sha256:${createHmac('sha256', pepper).update(secret).digest('hex')}`
const secretOf = (name: string): string => `canary-of-the-key-${name}-0123456789abcdef`

const hashes: Record<string, string> = {
  steady: plain(secretOf('steady')),
  named: plain(secretOf('named')),
  hashed: plain(secretOf('hashed')),
  peppered: peppered(secretOf('peppered')),
  sprinkled: peppered(secretOf('sprinkled')),
  slow: slowHash,
  slower: slowTwin,
  bound: plain(secretOf('bound')),
}
const keys = Object.entries(hashes)
  .map(([name, hash]) => {
    const more = name === 'bound' ? `, certificate: "${holder.digest}"` : ''
    return `  ${name}: {roles: [all], secrets: [{hash: "${hash}"}]${more}}\n`
  })
  .join('')

/** A configuration with every auth method, over TLS. */
const everything = (workers: number, more = ''): string => `
listen:
  tls: {cert: ${file('server.crt', server.cert)}, key: ${file('server.key', server.key)}, clientCa: ${file('ca.crt', clients!.cert)}}
revocations: revoked.yaml
pepper: {env: PEPPER}
auth:
  keys: {type: api-key, name: X-Api-Key}
  machines: {type: mtls, grants: [{when: {san: "*"}, roles: [all]}]}
  sso: {type: jwt, issuer: "${issuer.url}", audiences: [main], grants: [{roles: [all]}], introspection: {clientId: g, clientSecret: {env: CLIENT_SECRET}}}
roles: {all: {access: {main: {tools: {allow: ["*"]}}}}}
keys:
${keys}proxies: {main: {auth: [keys, machines, sso], upstream: {url: "${upstream.url}"}}}
workers: ${workers}
${more}
`

const bearer = (text: string, as?: Caller['as']): Caller => ({
  ca: servers!.cert,
  as,
  headers: { authorization: `Bearer ${text}` },
})
/** A key on a proxy that accepts tokens, too. */
const apiKey = (text: string, as?: Caller['as']): Caller => ({
  ca: servers!.cert,
  as,
  headers: { 'x-api-key': text },
})
const token = (claims: Record<string, unknown>): Promise<string> =>
  signToken(signing, { iss: issuer.url, aud: 'main', exp: Math.floor(Date.now() / 1000) + 300, ...claims })
const thumbprint = Buffer.from(binder.digest, 'hex').toString('base64url')

/** Callers: how each calls, and the entry that revokes its credential. */
const callers: Record<string, [caller: Caller, rule: string]> = {
  'a key by its name': [apiKey(secretOf('named')), '/keys/0'],
  'a secret by its hash': [apiKey(secretOf('hashed')), '/secrets/0'],
  'a secret by its peppered hash': [apiKey(secretOf('peppered')), '/secrets/1'],
  'a secret with a peppered hash by its SHA-256': [apiKey(secretOf('sprinkled')), '/secrets/2'],
  'a secret by its slow hash': [apiKey('hunter2'), '/secrets/3'],
  'a secret with a slow hash by its SHA-256': [apiKey('swordfish'), '/secrets/4'],
  'a user': [bearer(await token({ sub: 'ann' })), '/subjects/0'],
  'a client that speaks for itself': [bearer(await token({ client_id: 'robot' })), '/subjects/1'],
  'a user by the client': [bearer(await token({ sub: 'bea', azp: 'robot' })), '/subjects/1'],
  'a token': [bearer(await token({ sub: 'cleo', jti: 'token-1' })), '/tokens/0'],
  'a token that its issuer is asked about': [bearer('opaque-token-of-dora'), '/subjects/2'],
  'a token that its issuer is asked about, by its id': [bearer('opaque-token-of-emma'), '/tokens/1'],
  'a certificate': [{ ca: servers!.cert, as: machine }, '/certificates/0'],
  'a key that is bound to a certificate': [apiKey(secretOf('bound'), holder), '/certificates/1'],
  'a token that is bound to a certificate': [
    bearer(await token({ sub: 'finn', cnf: { 'x5t#S256': thumbprint } }), binder),
    '/certificates/2',
  ],
}
const steadyCallers: Caller[] = [
  apiKey(secretOf('steady')),
  bearer(await token({ sub: 'gina', jti: 'token-2' })),
]
const why = 'reason: it leaked, date: 2026-11-27'
const revoked = `version: 1
keys: [{name: named, ${why}}]
secrets:
  - {hash: "${hashes['hashed']}", ${why}}
  - {hash: "${hashes['peppered']}", ${why}}
  - {hash: "${plain(secretOf('sprinkled'))}", ${why}}
  - {hash: "${slowHash}", ${why}}
  - {hash: "${plain('swordfish')}", ${why}}
subjects:
  - {issuer: "${issuer.url}", sub: ann, ${why}}
  - {issuer: "${issuer.url}", client: robot, ${why}}
  - {issuer: "${issuer.url}", sub: dora, ${why}}
tokens:
  - {issuer: "${issuer.url}", jti: token-1, ${why}}
  - {issuer: "${issuer.url}", jti: jti-emma, ${why}}
certificates:
  - {fingerprint: "${machine.digest}", ${why}}
  - {fingerprint: "${holder.digest.toUpperCase().replace(/..(?=.)/g, '$&:')}", ${why}}
  - {fingerprint: "${binder.digest}", ${why}}
`

interface Status {
  revision: string
  lastReload: { successful: boolean }
  pending?: { since: string; seconds: number }
  revocations?: {
    count: number
    appliedAt: string
    lastReload: { successful: boolean; diagnostics: { code: string; line: number }[] }
    pending?: { since: string; seconds: number }
  }
}
const statusOf = async (gateway: TestGateway): Promise<Status> => (await gateway.status()) as never
const events = (gateway: TestGateway, name: string): Record<string, unknown>[] =>
  gateway.lines.filter(line => line['event'] === name)

t.test('a revocation ended while the file that names it was being written', async t => {
  const entry = (name: string): string => `  - {name: ${name}, ${why}}\n`
  const key = (name: string): string => `  ${name}: {roles: [all], secrets: [{hash: "${hashes[name]}"}]}\n`
  const gateway = await startTestGateway(
    `revocations: revoked.yaml
auth: {keys: {type: api-key}}
roles: {all: {access: {main: {}}}}
keys:
${key('named')}${key('steady')}proxies: {main: {auth: [keys], upstream: {url: "${upstream.url}"}}}
`,
    { files: { 'revoked.yaml': `version: 1\nkeys:\n${entry('named')}${entry('steady')}` } },
  )
  t.teardown(gateway.close)
  const since = performance.now()
  writeFileSync(join(gateway.folder, 'revoked.yaml'), `version: 1\nkeys:\n${entry('named')}`)
  const applied = await until(() => events(gateway, 'revocations_applied')[1], 'the shorter file is applied')
  t.match(applied, { count: 1, previous: 2 })
  t.ok(performance.now() - since >= 2000, 'someone could still have been writing it')
})

/** Replaces a file by rename. */
function put({ folder }: { folder: string }, text: string, name = 'revoked.yaml'): void {
  writeFileSync(join(folder, `.${name}.next`), text)
  renameSync(join(folder, `.${name}.next`), join(folder, name))
}

for (const [workers, broken] of [
  [1, false],
  [1, true],
  [2, true],
] as const) {
  const name = `whatever is revoked is refused at once, and its streams end: ${workers} workers`
  t.test(broken ? `${name}, while the configuration has errors` : name, async t => {
    const gateway = await startTestGateway(everything(workers), {
      env: { PEPPER: pepper, CLIENT_SECRET: 'client-secret' },
      files: { 'revoked.yaml': 'version: 1\n' },
    })
    t.teardown(gateway.close)
    const url = `${gateway.url}/main/mcp`
    const lost = await Promise.all(Object.values(callers).map(([caller]) => follow(url, caller)))
    const kept = await Promise.all(steadyCallers.map(caller => follow(url, caller)))
    const { revision } = await statusOf(gateway)
    if (broken) {
      gateway.write(everything(workers, 'nonsense: true'))
      await until(() => events(gateway, 'config_refused').length === 1, 'it is refused')
    }
    const asked = issuer.questions.length
    const writtenAt = Date.now()
    put(gateway, revoked)
    await until(() => lost.every(stream => stream.endedAt() > 0), 'the streams end')
    const slowest = Math.max(...lost.map(stream => stream.endedAt())) - writtenAt
    t.ok(slowest < 1000, `the last stream went after ${slowest} ms`)
    for (const [index, [name, [caller, rule]]] of Object.entries(callers).entries()) {
      t.match(lost[index]!.text(), /"id":7,"error":\{"code":40102/, `${name}: its stream is told why`)
      t.match(
        await call(url, caller),
        {
          status: 401,
          reason: 'credential_invalid',
          headers: { 'www-authenticate': /invalid_token/ },
        },
        name,
      )
      const denied = await until(
        () =>
          events(gateway, 'request').find(
            line => line['decision'] === 'deny' && line['rule'] === `revocations:${rule}`,
          ),
        `${name}: it is logged with its entry`,
      )
      t.match(denied, { reason: 'credential_invalid', revision }, name)
    }
    for (const caller of steadyCallers) t.match(await call(url, caller), { status: 200 })
    t.same(
      kept.map(stream => stream.endedAt()),
      [0, 0],
      'nobody else notices',
    )
    if (workers === 1)
      t.equal(issuer.questions.length, asked, 'what the issuer said is remembered, and does not help')
    const status = await statusOf(gateway)
    t.match(status, { revision, revocations: { count: 14, lastReload: { successful: true } } })
    t.equal(status.lastReload.successful, !broken)
    t.equal(status.pending !== undefined, broken)

    put(gateway, 'version: 1\n')
    await until(async () => (await statusOf(gateway)).revocations!.count === 0, 'it is taken back')
    for (const [caller] of Object.values(callers)) t.match(await call(url, caller), { status: 200 })
  })
}

/** A small configuration without TLS. */
const simple = (more = 'revocations: revoked.yaml'): string => `
auth: {keys: {type: api-key}}
roles: {all: {access: {main: {tools: {allow: ["*"]}}}}}
keys:
  steady: {roles: [all], secrets: [{hash: "${hashes['steady']}"}]}
  named: {roles: [all], secrets: [{hash: "${hashes['named']}"}]}
proxies: {main: {auth: [keys], upstream: {url: "${upstream.url}"}}}
${more}
`
const one = (name: string): string => `keys:\n  - {name: ${name}, ${why}}\n`
const begin = async (t: Test, text = 'version: 1\n', yaml = simple(), options = {}): Promise<TestGateway> => {
  const gateway = await startTestGateway(yaml, { files: { 'revoked.yaml': text }, ...options })
  t.teardown(gateway.close)
  return gateway
}
const ask = async (gateway: TestGateway, name: string): Promise<number> =>
  (await call(`${gateway.url}/main/mcp`, bearer(secretOf(name)))).status

t.test('credentials that are revoked at the start are refused from the first request on', async t => {
  const gateway = await begin(t, one('named'))
  t.same([await ask(gateway, 'named'), await ask(gateway, 'steady')], [401, 200])
  t.match(await gateway.metrics(), /^gatehouse_revocations 1$/m)
  t.match(events(gateway, 'revocations_applied'), [{ count: 1, level: 'info' }])
  gateway.write(simple('revocations: revoked.yaml\n# another\noutbound: {allowedHosts: [a.example]}'))
  await until(() => events(gateway, 'config_applied').length === 1, 'another revision is applied')
  t.equal(await ask(gateway, 'named'), 401, 'and in the next revision too')
})

const faults: [name: string, lay: (gateway: TestGateway) => void, code: string][] = [
  ['broken', gateway => put(gateway, 'keys: ['), 'GH1004'],
  ['empty', gateway => put(gateway, ''), 'GH1012'],
  ['of other fields', gateway => put(gateway, 'grants: []'), 'GH1201'],
  ['without a reason', gateway => put(gateway, 'keys: [{name: steady, date: 2026-11-27}]'), 'GH1202'],
  [
    'without a date that there is',
    gateway => put(gateway, 'keys: [{name: steady, reason: x, date: 2026-02-30}]'),
    'GH1205',
  ],
  ['a list', gateway => put(gateway, '- steady'), 'GH1203'],
  ['too large', gateway => put(gateway, `version: 1\n${`# ${'x'.repeat(1000)}\n`.repeat(1100)}`), 'GH1002'],
  [
    'too long',
    gateway =>
      put(
        gateway,
        `secrets:\n${Array.from({ length: 10_001 }, () => `- {hash: "", reason: a, date: ""}\n`).join('')}`,
      ),
    'GH1210',
  ],
  [
    'the environment of the process',
    gateway => {
      rmSync(join(gateway.folder, 'revoked.yaml'))
      symlinkSync('/proc/self/environ', join(gateway.folder, 'revoked.yaml'))
    },
    'GH1380',
  ],
  ['gone', gateway => rmSync(join(gateway.folder, 'revoked.yaml')), 'GH1031'],
]

t.test('a revocations file that cannot be applied changes nothing, and is reported', async t => {
  for (const [name, lay, code] of faults) {
    const gateway = await begin(t, one('named'))
    lay(gateway)
    await until(() => events(gateway, 'revocations_refused').length === 1, `${name}: it is refused`)
    t.same([await ask(gateway, 'named'), await ask(gateway, 'steady')], [401, 200], name)
    const { revocations } = await statusOf(gateway)
    t.match(revocations, { count: 1, lastReload: { successful: false }, pending: { since: String } }, name)
    t.ok(
      revocations!.lastReload.diagnostics.some(one => one.code === code),
      `${name}: ${code}`,
    )
    t.match(events(gateway, 'revocations_refused')[0], { level: 'error', count: 1, pendingSince: String })
    t.match(await gateway.metrics(), /^gatehouse_revocations_last_reload_successful 0$/m)
    put(gateway, one('steady'))
    await until(async () => (await statusOf(gateway)).revocations!.lastReload.successful, 'it is mended')
    t.same([await ask(gateway, 'named'), await ask(gateway, 'steady')], [200, 401], name)
    t.notOk((await statusOf(gateway)).revocations!.pending)
    t.match(await gateway.metrics(), /^gatehouse_revocations_last_reload_successful 1$/m)
    await gateway.close()
  }
})

t.test('a gateway does not start without its revocations file', async t => {
  for (const text of [undefined, 'keys: [', '']) {
    const files = text === undefined ? {} : { 'revoked.yaml': text }
    await t.rejects(startTestGateway(simple(), { files }), ConfigRefused)
  }
})

t.test('another revocations file comes into force together with its revision, or not at all', async t => {
  const gateway = await begin(t, one('named'))
  gateway.write(simple('revocations: others.yaml'))
  await until(() => events(gateway, 'config_refused').length === 1, 'there is no such file')
  t.match(events(gateway, 'config_refused')[0], { diagnostics: [{ code: 'GH1031' }] })
  t.same([await ask(gateway, 'named'), await ask(gateway, 'steady')], [401, 200])
  put(gateway, one('steady'), 'others.yaml')
  await gateway.reload()
  t.same([await ask(gateway, 'named'), await ask(gateway, 'steady')], [200, 401])
  put(gateway, `${one('steady')}${one('named').replace('keys:\n', '')}`, 'others.yaml')
  await until(async () => (await ask(gateway, 'named')) === 401, 'the other file is watched')
  gateway.write(simple(''))
  await until(async () => (await ask(gateway, 'steady')) === 200, 'no file is named any more')
  t.equal((await statusOf(gateway)).revocations, undefined)
  t.notMatch(await gateway.metrics(), /^gatehouse_revocations/m)
})

t.test('a name that does not exist is a warning with its place', async t => {
  const gateway = await begin(t)
  put(gateway, one('nmaed'))
  const line = await until(() => events(gateway, 'revocations_applied')[1], 'it is applied')
  t.match(line, { level: 'warn', diagnostics: [{ code: 'GH1440', line: 2 }] })
})

t.test('a request whose body arrives after its key was revoked is not executed', async t => {
  const gateway = await begin(t)
  const body = '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"delete_a"}}'
  const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1')
  t.teardown(() => socket.destroy())
  let seen = ''
  socket.setEncoding('utf8').on('data', (text: string) => (seen += text))
  const before = upstream.arrivals.length
  socket.write(
    `POST /main/mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n` +
      `Authorization: Bearer ${secretOf('named')}\r\n\r\n${body.slice(0, 20)}`,
  )
  await ask(gateway, 'steady')
  put(gateway, one('named'))
  await until(async () => (await statusOf(gateway)).revocations!.count === 1, 'it is applied')
  socket.write(body.slice(20))
  await until(() => /\nrequestId: .*\n$/s.test(seen), 'it is answered')
  t.match(seen, '(40102)')
  t.equal(upstream.arrivals.length, before + 1)
})

t.test('a worker that replaces another has the revocations', async t => {
  const threads: Worker[] = []
  const gateway = await begin(t, 'version: 1\n', `${simple()}\nworkers: 2\n`, {
    onWorker: (thread: Worker) => threads.push(thread),
  })
  put(gateway, one('named'))
  await until(async () => (await ask(gateway, 'named')) === 401, 'it is applied')
  for (const [lost, thread] of [...threads].entries()) {
    await thread.terminate()
    await until(() => events(gateway, 'worker_replaced').length === lost + 1, 'it is replaced')
  }
  for (let calls = 0; calls < 20; calls++) t.equal(await ask(gateway, 'named'), 401)
})

t.test('the ..data swap of Kubernetes is noticed, and a worker reads the file', async t => {
  const mount = mkdtempSync(join(tmpdir(), 'gatehouse-mount-'))
  t.teardown(() => rmSync(mount, { recursive: true }))
  const lay = (version: string, text: string): void => {
    mkdirSync(join(mount, version))
    writeFileSync(join(mount, version, 'revoked.yaml'), text)
    symlinkSync(version, join(mount, '..data_tmp'))
    renameSync(join(mount, '..data_tmp'), join(mount, '..data'))
  }
  lay('..v1', 'version: 1\n')
  symlinkSync(join('..data', 'revoked.yaml'), join(mount, 'revoked.yaml'))
  const path = join(
    t.testdir({
      'gateway.yaml': `version: 1\nadmin: {address: "127.0.0.1:0"}\nlisten: {address: "127.0.0.1:0"}\nworkers: 1\n${simple(`revocations: ${mount}/revoked.yaml`)}`,
    }),
    'gateway.yaml',
  )
  const { loadRevocations } = createLoader(path, {})
  const load = () => loadHandover(path, { env: {}, now: new Date() })
  const gateway = await startGateway({ load, loadRevocations, write: () => {}, watch: true })
  t.teardown(gateway.close)
  const status = async (): Promise<number> =>
    (await call(`${gateway.url}/main/mcp`, bearer(secretOf('named')))).status
  t.equal(await status(), 200)
  lay('..v2', one('named'))
  await until(async () => (await status()) === 401, 'it is applied', 1500)
})

t.test('ten thousand entries are read, and one of each kind is found', async t => {
  const path = join(
    t.testdir({
      'revoked.yaml': `secrets:\n${Array.from({ length: 6000 }, (_, index) => `- {hash: "sha256:${String(index).padStart(64, '0')}", reason: a, date: 2026-11-27}\n`).join('')}`,
    }),
    'revoked.yaml',
  )
  const { entries, diagnostics } = readRevocations(
    path,
    { keys: [], issuers: [], hashes: [] },
    { now: new Date() },
  )
  t.same([entries?.size, diagnostics.length], [6000, 100])
})
