import t, { type Test } from 'tap'
import type { LoadOptions } from '../gateway/config/load.ts'
import { loadText, oneProxy } from './fixtures/configuration.ts'

type Expected = [code: string, message: RegExp, help: RegExp]

/** Checks that a configuration has one diagnostic with this code, message and help. */
function expectOne(
  t: Test,
  text: string,
  [code, message, help]: Expected,
  options?: Partial<LoadOptions>,
): void {
  const { diagnostics } = loadText(text, options)
  t.match(diagnostics, [{ code, message, help }], text)
  t.equal(diagnostics.length, 1, text)
}

const upstream = (more: string): string =>
  `version: 1\nproxies: {mock: {auth: none, upstream: {url: "http://127.0.0.1:1/mcp", ${more}}}}\n`

t.test('the message for `Bearer ${TOKEN}` did not lead to a reference with a scheme', async t => {
  const bearer = /^write `\{env: TOKEN, scheme: Bearer\}`$/
  const orFile = /write `\{env: (TOKEN|NAME), scheme: Bearer\}` or `\{file: path\}`$/
  const text: [headers: string, expected: Expected][] = [
    ['Authorization: "Bearer ${TOKEN}"', ['GH1203', /not a reference/, bearer]],
    ['Authorization: Bearer $TOKEN', ['GH1203', /not a reference/, bearer]],
    ['Authorization: "${TOKEN}"', ['GH1203', /not a reference/, /^write `\{env: TOKEN\}`$/]],
    ['X-Api-Key: "${TOKEN}"', ['GH1203', /not a reference/, /^write `\{env: TOKEN\}`$/]],
    ['Authorization: Bearer 5f2b1c', ['GH1208', /in clear/, orFile]],
    ['Authorization: {value: "Bearer ${TOKEN}"}', ['GH1308', /in clear/, orFile]],
    ['Authorization: {env: TOKEN, prefix: "Bearer "}', ['GH1201', /`prefix`/, /^write `scheme: Bearer`/]],
    ['Authorization: {env: TOKEN, type: Bearer}', ['GH1201', /`type`/, /^write `scheme: Bearer`/]],
    ['Authorization: {env: $TOKEN}', ['GH1206', /not the name/, /^write only the name: `env: TOKEN`$/]],
    ['Authorization: {scheme: Bearer}', ['GH1212', /no source/, /exactly one/]],
    ['Authorization: {env: TOKEN, file: a}', ['GH1212', /more than one source/, /exactly one/]],
    ['Authorization: {env: TOKEN, scheme: "Bearer "}', ['GH1206', /not valid/, /one word/]],
  ]
  const env = { TOKEN: 'canary' }
  for (const [headers, expected] of text) {
    expectOne(t, upstream(`headers: {${headers}}`), expected, { env })
    // Without the variable, a check of a pull request must not pass what the gateway refuses.
    expectOne(t, upstream(`headers: {${headers}}`), expected, { allowMissingEnv: true })
  }
  const written = loadText(upstream('headers: {Authorization: "Bearer ${TOKEN}"}'), { env })
  t.notMatch(JSON.stringify([written.diagnostics, [...written.sources]]), 'canary')
})

t.test('a password that begins with a dollar sign is not taken for a variable', async t => {
  const { diagnostics, sources } = loadText(upstream('headers: {Authorization: "Bearer $ecret"}'))
  t.match(diagnostics, [{ code: 'GH1208' }])
  t.notMatch(JSON.stringify([diagnostics, [...sources]]), 'ecret"')
})

t.test('a secret that begins with its scheme would be sent with two', async t => {
  const text = upstream('headers: {Authorization: {env: TOKEN, scheme: Bearer}}')
  expectOne(t, text, ['GH1311', /begins with `Bearer`/, /remove `scheme`/], {
    env: { TOKEN: 'bearer canary' },
  })
  t.strictSame(loadText(text, { env: { TOKEN: 'canary' } }).diagnostics, [])
  t.strictSame(loadText(text, { env: { TOKEN: 'bearers' } }).diagnostics, [])
})

t.test('only headers have a scheme', async t => {
  const field: Expected = ['GH1201', /`scheme`/, /only headers/]
  expectOne(t, upstream('query: {api_key: {env: A, scheme: Bearer}}'), field, { env: { A: 'a' } })
})

t.test('a variable in a field that is not text had no message of its own', async t => {
  const variable = /cannot come from a variable, which is always text/
  const cases: [string, RegExp][] = [
    [`workers: \${V}\n${oneProxy}`, /whole number from 1 to 64, or the word `auto`$/],
    [`listen: {maxConnections: "\${V}"}\n${oneProxy}`, /^write a whole number from 1 to 1000000/],
    [
      `keys: {a: {disabled: "\${V}", roles: [r], secrets: [{hash: "sha256:${'a'.repeat(64)}"}]}}\nroles: {r: {access: {}}}\n${oneProxy}`,
      /^write `true` or `false`/,
    ],
    [`listen: "\${V}"\n${oneProxy}`, /^write a map/],
  ]
  for (const [text, help] of cases) {
    expectOne(t, `version: 1\n${text}`, ['GH1203', variable, help], { env: { V: '2' } })
    expectOne(t, `version: 1\n${text}`, ['GH1203', variable, help], { allowMissingEnv: true })
  }
})

t.test('a URL in the notation of another program had no message of its own', async t => {
  const url = (value: string): string =>
    `version: 1\nproxies: {mock: {auth: none, upstream: {url: ${value}}}}\n`
  const braces = /^write `\$\{UPSTREAM_URL\}`/
  expectOne(t, url('$UPSTREAM_URL'), ['GH1205', /`\$UPSTREAM_URL` is not a valid URL/, braces])
  expectOne(t, url('http://$UPSTREAM_URL/mcp'), ['GH1205', /not a valid URL/, braces])
  expectOne(t, url('"%UPSTREAM_URL%"'), ['GH1205', /not a valid URL/, braces])
  expectOne(t, url('"{{ .UPSTREAM_URL }}"'), ['GH1205', /not a valid URL/, braces])
  const instead: Expected = ['GH1102', /does not begin a variable/, /^write `\$\{UPSTREAM_URL\}` or/]
  expectOne(t, url('"${env:UPSTREAM_URL}"'), instead)
  expectOne(t, url('"${{ secrets.UPSTREAM_URL }}"'), instead)
  expectOne(t, url('{env: UPSTREAM_URL}'), ['GH1203', /is a map, not text/, braces])
})

t.test('fields that users of other programs expect had no message of their own', async t => {
  const fields: [text: string, help: RegExp][] = [
    [upstream('rateLimit: 5'), /nginx/],
    [upstream('rate_limit: {requests: 5}'), /nginx/],
    [upstream('command: npx'), /supergateway/],
    [upstream('transport: sse'), /Streamable HTTP/],
    [upstream('token: x'), /scheme: Bearer/],
    [`version: 1\nmcpServers: {}\n${oneProxy}`, /`proxies`/],
    [`version: 1\nport: 8080\n${oneProxy}`, /`listen: \{address/],
    [`version: 1\ncors: {}\n${oneProxy}`, /`listen\.allowedOrigins`/],
    [`version: 1\nroles: {r: {access: {}, allow: [a]}}\n${oneProxy}`, /`access: \{mock/],
    [`version: 1\nroles: {r: {access: {mock: {deny: [a]}}}}\n${oneProxy}`, /under a kind/],
  ]
  for (const [text, help] of fields) expectOne(t, text, ['GH1201', /^unknown field/, help])
  const type = (value: string): string => upstream(`auth: {type: ${value}}`)
  expectOne(t, type('bearer'), ['GH1204', /`bearer`/, /scheme: Bearer/])
  const method = `version: 1\nauth: {a: {type: basic}}\n${oneProxy.replace('none', '[a]')}`
  expectOne(t, method, ['GH1204', /`basic`/, /`api-key`/])
})

t.test('hashes of other programs had no message of their own', async t => {
  const hex = '0123456789abcdef'.repeat(8)
  const hashes: [hash: string, message: RegExp][] = [
    ['$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy', /bcrypt/],
    [hex.slice(0, 16), /murmur hashes of Tyk/],
    [hex.slice(0, 32), /32 hex digits/],
    [hex.slice(0, 40), /SHA-1/],
    [hex, /SHA-512/],
    ['{SSHA}abc', /LDAP/],
    ['sha-1:abc', /another kind/],
    ['$6$abc$def', /crypt/],
    ['pbkdf2_sha256$1$a$b', /PBKDF2/],
    ['sha512:abc', /another kind/],
    ['n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=', /base64/],
    ['sha256-n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=', /base64/],
  ]
  const key = (hash: string): string =>
    `version: 1\nroles: {r: {access: {}}}\nkeys: {a: {roles: [r], secrets: [{hash: '${hash}'}]}}\n${oneProxy}`
  for (const [hash, message] of hashes) expectOne(t, key(hash), ['GH1207', message, /`gatehouse keys hash`/])
  const bare = hex.slice(0, 64)
  expectOne(t, key(bare), ['GH1207', /without its kind/, /^write `sha256:` before it/])
  t.notMatch(JSON.stringify([...loadText(key(bare)).sources]), bare, 'it may be the secret itself')
})

t.test('a pattern where only a name fits says so', async t => {
  const full = /^write the full name/
  const roles = 'roles: {reader: {access: {mock: {}}}}\n'
  const key = (role: string): string =>
    `keys: {a: {roles: ["${role}"], secrets: [{hash: "sha256:${'a'.repeat(64)}"}]}}\n`
  expectOne(t, `version: 1\n${roles}${key('read*')}${oneProxy}`, ['GH1206', /`"read\*"`/, full])
  const proxy = oneProxy.replace('none', '["key*"]')
  expectOne(t, `version: 1\n${proxy}`, ['GH1206', /`"key\*"`/, full])
})

t.test('a number without its unit says which unit to write', async t => {
  const text = upstream('timeout: {response: 30}')
  expectOne(t, text, ['GH1203', /a number, not text/, /`30s`/])
})

t.test('a message does not repeat the value of a variable', async t => {
  const texts: [text: string, value: string, code: string][] = [
    [
      upstream('').replace('"http://127.0.0.1:1/mcp", ', '"${V}"'),
      'http://canary/mcp?api_canary_key=canary',
      'GH1308',
    ],
    [upstream('').replace('"http://127.0.0.1:1/mcp", ', '"${V}"'), 'http://canary.internal', 'GH2030'],
    [upstream('').replace('"http://127.0.0.1:1/mcp", ', '"${V}"'), 'http://canary.internal/sse', 'GH2030'],
    [oneProxy.replace('auth: none', 'auth: none, path: "${V}"'), '/canary/*', 'GH1432'],
    [oneProxy.replace('auth: none', 'auth: none, tools: {deny: ["${V}"]}'), '^canary.*$', 'GH1350'],
  ]
  for (const [text, value, code] of texts) {
    const whole = text.startsWith('version') ? text : `version: 1\n${text}`
    const { diagnostics } = loadText(whole, { env: { V: value }, review: 'lint' })
    t.match(diagnostics, [{ code }], code)
    t.notMatch(JSON.stringify(diagnostics), 'canary', code)
  }
})
