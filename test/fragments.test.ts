import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { load } from '../gateway/config/load.ts'
import { loadTexts, oneProxy } from './fixtures/configuration.ts'

const hash = (digit: string): string => `sha256:${digit.repeat(64)}`
const main = (include: string): string => `version: 1
include: [${include}]
auth:
  team-keys: {type: api-key}
  login: {type: jwt, issuer: "https://login.example.com", audiences: [x], grants: [{roles: [status-reader]}]}
roles:
  status-reader: {access: {status: {tools: {allow: ["get_*"]}}}}
  admin: {access: {"*": {tools: {allow: ["*"]}}}}
keys: {root: {roles: [admin], expires: 2027-01-01, secrets: [{hash: "${hash('a')}"}]}}
proxies:
  status: {auth: [team-keys, login], upstream: {url: "http://status.internal/mcp", headers: {X-Key: {env: STATUS_KEY}}}}
`
const scoped =
  '{path: a.yaml, owns: ["a-*"], roles: [status-reader], env: ["A_*"], files: ["secrets/a/*"], hosts: ["*.a.internal", "127.0.0.1:7878"]}'
const other = `auth: {b-keys: {type: api-key, in: header, name: X-B-Key}}
roles: {b-reader: {access: {b-tools: {tools: {allow: ["*"]}}}}}
keys: {b-ci: {roles: [b-reader], expires: 2027-01-01, secrets: [{hash: "${hash('b')}"}]}}
proxies: {b-tools: {auth: [b-keys], upstream: {url: "http://tools.b.internal/mcp"}}}
`
const sound = `auth:
  a-keys: {type: api-key, in: header, name: X-A-Key}
  a-login: {type: jwt, issuer: "https://idp.a.internal", audiences: [x], grants: [{roles: [a-reader]}]}
roles: {a-reader: {access: {a-tools: {tools: {allow: ["*"]}}}}}
keys: {a-ci: {roles: [a-reader, status-reader], expires: 2027-01-01, secrets: [{hash: "${hash('c')}"}]}}
proxies:
  a-tools:
    path: /a-tools/v2
    auth: [a-keys, team-keys, a-login]
    upstream:
      url: "http://tools.a.internal:8080/\${A_PATH:-mcp}"
      headers: {X-Key: {env: A_KEY}, X-File: {file: secrets/a/key}}
  a-open: {auth: none, upstream: {url: "http://127.0.0.1:7878/mcp"}}
`
const env = {
  A_KEY: 'a-secret',
  STATUS_KEY: 'status-secret',
  B_KEY: 'b-secret',
  PEPPER: 'p'.repeat(40),
  GATEHOUSE_PEPPER: 'g'.repeat(40),
}

const folder = mkdtempSync(join(tmpdir(), 'gatehouse-fragments-'))
t.teardown(() => rmSync(folder, { recursive: true }))
for (const name of ['secrets/a', 'secrets/b', 'elsewhere']) mkdirSync(join(folder, name), { recursive: true })
for (const name of ['secrets/a/key', 'secrets/b/key', 'elsewhere/key'])
  writeFileSync(join(folder, name), 'x\n')
symlinkSync('../b/key', join(folder, 'secrets/a/link'))
symlinkSync('../../elsewhere', join(folder, 'secrets/a/folder'))
writeFileSync(join(folder, 'b.yaml'), other)

function diagnose(
  fragment: string,
  include = `${scoped}, {path: b.yaml, owns: ["b-*"], hosts: ["*.b.internal"]}`,
  review?: 'lint',
) {
  writeFileSync(join(folder, 'gateway.yaml'), main(include))
  writeFileSync(join(folder, 'a.yaml'), fragment)
  const options = { env, now: new Date('2026-11-27'), ...(review && { review }) }
  return load(join(folder, 'gateway.yaml'), options)
}

/** Returns the codes with their lines in the fragment. */
function found(fragment: string): string[] {
  return diagnose(fragment).diagnostics.map(
    ({ code, file, line }) => `${file.endsWith('/a.yaml') ? line : file} ${code}`,
  )
}

t.test('a fragment that only uses what it owns is valid', async t => {
  const { diagnostics, loaded } = diagnose(sound)
  t.same(diagnostics, [])
  t.same(Object.keys(loaded!.config.proxies).toSorted(), ['a-open', 'a-tools', 'b-tools', 'status'])
})

const key = (roles: string): string =>
  `keys: {a-k: {roles: ${roles}, expires: 2027-01-01, secrets: [{hash: "${hash('d')}"}]}}`
const role = (target: string): string => `roles: {a-r: {access: {${target}: {tools: {allow: ["*"]}}}}}`
const proxy = (fields: string): string => `proxies: {a-p: {auth: [team-keys], ${fields}}}`
const upstream = (fields: string): string => proxy(`upstream: {url: "http://x.a.internal/mcp", ${fields}}`)

const attacks: Record<string, [fragment: string, code: string]> = {
  'a key with the role of another team': [key('[b-reader]'), 'GH1020'],
  'a key with a role of the main file on every proxy': [key('[admin]'), 'GH1020'],
  'a role on every proxy': [role('"*"'), 'GH1019'],
  'a role on the proxy of another team': [role('b-tools'), 'GH1019'],
  'a role on a proxy of the main file': [role('status'), 'GH1019'],
  'a grant of the role of another team': [
    'auth: {a-l: {type: jwt, issuer: "https://idp.a.internal", audiences: [x], grants: [{roles: [b-reader]}]}}',
    'GH1020',
  ],
  'a grant of a role of the main file': [
    'auth: {a-l: {type: jwt, issuer: "https://idp.a.internal", audiences: [x], grants: [{when: {claims: {a: b}}, roles: [admin]}]}}',
    'GH1020',
  ],
  "another team's name for a key": [
    `keys: {b-x: {roles: [status-reader], expires: 2027-01-01, secrets: [{hash: "${hash('d')}"}]}}`,
    'GH1018',
  ],
  "another team's name for a role": ['roles: {b-x: {access: {a-p: {tools: {allow: ["*"]}}}}}', 'GH1018'],
  "another team's name for an auth method": [
    'auth: {sso: {type: api-key, in: header, name: X-Sso}}',
    'GH1018',
  ],
  "another team's name for a proxy": [
    'proxies: {b-x: {auth: [team-keys], upstream: {url: "http://x.a.internal/mcp"}}}',
    'GH1018',
  ],
  "another team's path": [proxy('path: /b-tools/x, upstream: {url: "http://x.a.internal/mcp"}'), 'GH1018'],
  'an open proxy to the upstream of others': [
    'proxies: {a-p: {auth: none, upstream: {url: "http://status.internal/mcp"}}}',
    'GH1024',
  ],
  'a host that only begins like an allowed one': [
    proxy('upstream: {url: "http://x.a.internal.evil.com/mcp"}'),
    'GH1024',
  ],
  'a host at another port': [proxy('upstream: {url: "http://127.0.0.1:7879/mcp"}'), 'GH1024'],
  'a host at the port of the scheme': [proxy('upstream: {url: "http://127.0.0.1/mcp"}'), 'GH1024'],
  'a host in another notation': [proxy('upstream: {url: "http://2130706433:7000/mcp"}'), 'GH1205'],
  'the auth method of another team': [
    'proxies: {a-p: {auth: [b-keys], upstream: {url: "http://x.a.internal/mcp"}}}',
    'GH1021',
  ],
  'the variable of another team as a header': [upstream('headers: {X-K: {env: B_KEY}}'), 'GH1022'],
  'the pepper as a header': [upstream('headers: {X-K: {env: GATEHOUSE_PEPPER}}'), 'GH1022'],
  'a variable as a query parameter': [upstream('query: {k: {env: STATUS_KEY}}'), 'GH1022'],
  'a variable as a client secret': [
    upstream(
      'auth: {type: client-credentials, tokenUrl: "https://idp.a.internal/t", clientId: x, clientSecret: {env: B_KEY}}',
    ),
    'GH1022',
  ],
  'a variable in a host': [proxy('upstream: {url: "http://${B_KEY}.a.internal/mcp"}'), 'GH1022'],
  'a variable in a path': [proxy('upstream: {url: "http://x.a.internal/${B_KEY}"}'), 'GH1022'],
  'a variable in a description': [
    proxy('description: "${B_KEY}", upstream: {url: "http://x.a.internal/mcp"}'),
    'GH1022',
  ],
  'a variable with a default': [
    proxy('description: "${B_KEY:-x}", upstream: {url: "http://x.a.internal/mcp"}'),
    'GH1022',
  ],
  'a file of another team': [upstream('headers: {X-K: {file: secrets/b/key}}'), 'GH1023'],
  'a file of another team through dot segments': [
    upstream('headers: {X-K: {file: secrets/a/../b/key}}'),
    'GH1023',
  ],
  'a file behind a symbolic link': [upstream('headers: {X-K: {file: secrets/a/link}}'), 'GH1023'],
  'a file in a folder behind a symbolic link': [
    upstream('headers: {X-K: {file: secrets/a/folder/key}}'),
    'GH1023',
  ],
  'a file by an absolute path': [upstream('headers: {X-K: {file: /etc/hostname}}'), 'GH1023'],
  'the main file itself': [upstream('headers: {X-K: {file: gateway.yaml}}'), 'GH1023'],
  'a key set of another team': [
    'auth: {a-l: {type: jwt, issuer: "https://idp.a.internal", audiences: [x], jwks: {file: secrets/b/key}, grants: []}}',
    'GH1023',
  ],
  'an issuer elsewhere': [
    'auth: {a-l: {type: jwt, issuer: "https://evil.example.com", audiences: [x], grants: [{roles: [status-reader]}]}}',
    'GH1024',
  ],
  'a token endpoint elsewhere': [
    upstream(
      'auth: {type: client-credentials, tokenUrl: "https://evil.example.com/t", clientId: x, clientSecret: {env: A_KEY}}',
    ),
    'GH1024',
  ],
  'introspection at an endpoint of its own': [
    'auth: {a-l: {type: jwt, issuer: "https://idp.a.internal", audiences: [x], introspection: {url: "https://idp.a.internal/i", clientId: x, clientSecret: {env: A_KEY}}, grants: [{roles: [status-reader]}]}}',
    'GH1025',
  ],
  'introspection at an issuer of its own': [
    'auth: {a-l: {type: jwt, issuer: "https://idp.a.internal", audiences: [x], introspection: {clientId: x, clientSecret: {env: A_KEY}}, grants: [{roles: [status-reader]}]}}',
    'GH1025',
  ],
  'tokens of callers exchanged at an endpoint of its own': [
    'proxies: {a-p: {auth: [login], upstream: {url: "http://x.a.internal/mcp", auth: {type: token-exchange, tokenUrl: "https://idp.a.internal/t", clientId: x, clientSecret: {env: A_KEY}}}}}',
    'GH1025',
  ],
  'a block of the main file': ['pepper: {env: A_KEY}', 'GH1015'],
  'the workers of the main file': ['workers: 1', 'GH1015'],
  'the outbound rules of the main file': ['outbound: {allowedHosts: [x]}', 'GH1015'],
}
t.test('a fragment could reach what it does not own', async t => {
  for (const [name, [fragment, code]] of Object.entries(attacks)) {
    const codes = found(fragment)
    t.ok(codes.includes(`1 ${code}`), `${name}: ${codes.join(', ')}`)
    t.equal(diagnose(fragment).loaded, undefined, name)
  }
})

t.test('a refused host told a fragment the value of a variable of another team', async t => {
  const fragment = proxy('upstream: {url: "http://${B_KEY}/mcp"}')
  const { diagnostics } = diagnose(fragment)
  t.same(found(fragment), ['1 GH1022', '1 GH1024'])
  t.notMatch(JSON.stringify(diagnostics), env.B_KEY)
})

t.test('an include item allows only what it names', async t => {
  const { diagnostics } = diagnose(sound, '{path: a.yaml, owns: ["a-*"]}')
  const codes = new Set(diagnostics.map(({ code }) => code))
  t.same([...codes].toSorted(), ['GH1020', 'GH1022', 'GH1023', 'GH1024'])
  for (const item of [
    '{path: a.yaml}',
    '{owns: ["*"]}',
    '{path: a.yaml, owns: []}',
    '{path: a.yaml, owns: ["*"], x: 1}',
    '{path: 1, owns: ["*"]}',
    '7',
  ]) {
    const { diagnostics, loaded } = diagnose(sound, item)
    t.ok(diagnostics.length > 0, item)
    t.equal(loaded, undefined)
  }
})

t.test('a plain path has no limits, and lint advises the object form for several fragments', async t => {
  t.same(diagnose(role('status'), 'a.yaml').diagnostics, [])
  const advised = (include: string): string[] =>
    diagnose(role('status'), include, 'lint').diagnostics.flatMap(({ code, line, column }) =>
      code === 'GH2025' ? [`${line}:${column}`] : [],
    )
  t.same(advised('a.yaml'), [])
  t.same(advised('a.yaml, b.yaml'), ['2:11', '2:19'])
  t.same(advised('"[ab].yaml", b.yaml').length, 0)
  t.same(advised('"?.yaml"'), ['2:11'])
  t.same(advised('a.yaml, {path: b.yaml, owns: ["b-*"], hosts: ["*"]}'), ['2:11'])
})

t.test('the schema alone says which blocks a fragment may hold', async t => {
  const file = join(import.meta.dirname, '../schema/gateway.schema.json')
  const { properties } = JSON.parse(readFileSync(file, 'utf8')) as {
    properties: Record<string, { propertyNames?: object; 'x-in-fragments'?: boolean }>
  }
  t.strictSame(
    Object.keys(properties).filter(name => properties[name]!['x-in-fragments']),
    Object.keys(properties).filter(name => properties[name]!.propertyNames !== undefined),
    'they are the maps by name',
  )
  for (const [name, { 'x-in-fragments': allowed = false }] of Object.entries(properties)) {
    const { diagnostics } = loadTexts({
      'gateway.yaml': `version: 1\ninclude: [a.yaml]\n${oneProxy}`,
      'a.yaml': `${name}: {}\n`,
    })
    const codes = diagnostics.map(one => one.code)
    t.strictSame(codes, allowed ? [] : [name === 'include' ? 'GH1016' : 'GH1015'], name)
  }
})

t.test('a fragment that was validated alone lacked a version and proxies', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-fragment-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  mkdirSync(join(folder, 'teams/deep'), { recursive: true })
  const write = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  const expect = (file: string, text: string, message: RegExp | undefined): void => {
    const { diagnostics } = load(write(file, text), { env: {}, now: new Date() })
    if (message === undefined) t.notMatch(diagnostics, [{ code: 'GH1029' }], file)
    else t.match([diagnostics.length, diagnostics[0]], [1, { code: 'GH1029', message, line: 1 }], file)
  }
  const proxies = oneProxy.replace('mock', 'other')
  expect('alone.yaml', 'roles: {}\n', /looks like a fragment$/)
  expect('main.yaml', oneProxy, undefined)
  write('bombs.yaml', 'include: &a [*a]\n')
  write('not.yaml', 'include: [\n')
  write('a?b.yaml', 'include: 5\n')
  const include = 'include: ["teams/*.yaml", {path: teams/deep/one.yml, owns: [a]}]'
  write('gateway.yaml', `version: 1\n${include}\n${oneProxy}`)
  expect('teams/a.yaml', proxies, /fragment of `\.\.\/gateway\.yaml`$/)
  expect('teams/b.yaml', `workers: 2\n${proxies}`, /fragment of `\.\.\/gateway\.yaml`$/)
  expect('teams/deep/one.yml', proxies, /fragment of `\.\.\/\.\.\/gateway\.yaml`$/)
  expect('teams/deep/two.yml', proxies, undefined)
  expect('teams/c.yaml', `version: 1\n${proxies}`, undefined)
})

t.test('a field of another program has its own message in a fragment too', async t => {
  const texts = { 'gateway.yaml': `version: 1\ninclude: [a.yaml]\n${oneProxy}`, 'a.yaml': 'mcpServers: {}\n' }
  t.match(loadTexts(texts).diagnostics, [{ code: 'GH1201', help: /under `proxies`$/ }])
})

t.test('every field that only the main file may hold says so in a fragment', async t => {
  for (const field of [
    'version',
    'workers',
    'listen',
    'admin',
    'sessions',
    'pepper',
    'outbound',
    'revocations',
  ]) {
    const texts = { 'gateway.yaml': `version: 1\ninclude: [a.yaml]\n${oneProxy}`, 'a.yaml': `${field}: 2\n` }
    t.match(loadTexts(texts).diagnostics, [{ code: 'GH1015', file: '/config/a.yaml' }], field)
  }
})
