// Configurations that are almost valid. The loader must not throw or take long, must give each error a place, and must not
// let a fragment change what it does not own.
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { load, type LoadResult } from '../../gateway/config/load.ts'
import type { Config } from '../../schema/config.ts'
import type { FuzzTarget } from './main.ts'
import { mutateText } from './mutate-text.ts'
import type { Random } from './random.ts'

const examples = join(import.meta.dirname, '../../examples')
/** Initial texts. Large ones would only cost time. */
const corpus = globSync('**/*.yaml', { cwd: examples })
  .toSorted()
  .map(name => readFileSync(join(examples, name), 'utf8'))
  .filter(text => text.length < 4000)

/** Largest CPU time of one load, in milliseconds. */
const maxLoadMs = 2000
const hash = (digit: string): string => `sha256:${digit.repeat(64)}`
const canary = 'canary-of-somebody-else'
const env = {
  A_KEY: 'a-secret',
  A_PATH: 'mcp',
  B_KEY: `${canary}-b`,
  STATUS_KEY: `${canary}-status`,
  PEPPER: `${canary}-pepper-0123456789`,
}

const main = `version: 1
include:
  - {path: a.yaml, owns: ["a-*"], roles: [status-reader], env: ["A_*"], files: ["secrets/a/*"], hosts: ["*.a.internal", "127.0.0.1:7878"]}
  - {path: b.yaml, owns: ["b-*"], hosts: ["*.b.internal"]}
pepper: {env: PEPPER}
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
  a-open: {auth: none, description: x, upstream: {url: "http://127.0.0.1:7878/mcp"}}
`
/** Hostile words by the word that they replace. */
const hostile: readonly (readonly [now: RegExp, instead: readonly string[]])[] = [
  [
    /^"?https?:/,
    [
      '"https://evil.example/${PEPPER}"',
      '"http://status.internal/mcp"',
      '"http://tools.b.internal/mcp"',
      '"http://a.internal.evil.example/"',
      '"http://0x7f000001:7878/"',
      '"http://x.a.internal:80/"',
      '"http://127.0.0.1:7879/"',
      '"http://x.a.internal/${B_KEY:-y}"',
      '"http://x.a.internal@evil.example/"',
      '"http://[::ffff:127.0.0.1]:7878/"',
      '"http://X.A.INTERNAL/"',
    ],
  ],
  [/^A_/, ['B_KEY', 'STATUS_KEY', 'PEPPER', 'A_PATH', 'a_key']],
  [
    /^secrets/,
    ['secrets/b/key', 'secrets/a/../b/key', '/proc/self/environ', '../x', 'gateway.yaml', 'a.yaml'],
  ],
  [/^\//, ['/b-tools/mcp', '/status/mcp', '/a-tools/../b', '/', '/a-open']],
  [
    /^(?:a-|status-reader|team-keys)/,
    [
      'admin',
      'status-reader',
      'b-reader',
      'b-tools',
      'b-keys',
      'b-ci',
      'root',
      'status',
      'a-reader',
      'a-tools',
      'a-keys',
      'login',
      'team-keys',
      '"*"',
      '"a-*"',
      'A-tools',
    ],
  ],
  [
    /^(?:none|x|api-key|X-A-Key)$/,
    ['"${B_KEY}"', '"x${B_KEY:-y}"', '"${A_KEY}"', 'MCP-Protocol-Version', 'none', 'jwt'],
  ],
  [
    /./,
    [
      'auth',
      'roles',
      'keys',
      'proxies',
      'pepper',
      'include',
      'headers',
      'query',
      'env',
      'file',
      'url',
      'issuer',
      'grants',
      'access',
      'path',
      'upstream',
      'description',
      '{env: B_KEY}',
      '{env: A_KEY, file: secrets/b/key}',
      '&x ',
      '*x',
      '<<',
      '{}',
      '[]',
      '64GiB',
      '"${PEPPER}"',
    ],
  ],
]

const folder = '/no-such-folder'
const at = (name: string): string => `${folder}/${name}`
const blocks = ['auth', 'roles', 'keys', 'proxies'] as const

function loadTexts(texts: Readonly<Record<string, string>>, review: 'lint' | undefined): LoadResult {
  const readFile = (path: string): Buffer => {
    const name = path.slice(folder.length + 1)
    const text = Object.hasOwn(texts, name) ? texts[name] : undefined
    if (text === undefined) throw Object.assign(new Error('absent'), { code: 'ENOENT' })
    return Buffer.from(text)
  }
  const glob = (): { files: string[]; directories: string[] } => ({ files: [], directories: [] })
  const begun = process.cpuUsage().user
  const result = load(at('gateway.yaml'), {
    env,
    now: new Date('2026-11-27'),
    readFile,
    glob,
    ...(review && { review }),
  })
  assert.ok((process.cpuUsage().user - begun) / 1000 < maxLoadMs, 'a load took too long')
  return result
}

function checkPlaces({ diagnostics, loaded, omitted }: LoadResult, texts: Record<string, string>): void {
  const errors = diagnostics.filter(({ severity }) => severity === 'error')
  assert.equal(loaded === undefined, errors.length > 0, 'it loads exactly when nothing is an error')
  assert.ok(diagnostics.length <= 100 && omitted >= 0)
  for (const { file, line, column, endLine, endColumn, message } of diagnostics) {
    const lines = (texts[file.slice(folder.length + 1)] ?? '').split('\n')
    assert.ok(line >= 1 && line <= lines.length, `line ${line} of ${lines.length}`)
    assert.ok(column >= 1 && column <= lines[line - 1]!.length + 1, `column ${column} of line ${line}`)
    assert.ok(endLine > line || (endLine === line && endColumn >= column), 'it ends before it begins')
    assert.ok(!message.includes(canary), 'a message shows a secret')
  }
}

function without(config: Config, isOwn: (name: string) => boolean): string {
  const rest = blocks.map(block => Object.entries(config[block]).filter(([name]) => !isOwn(name)))
  return JSON.stringify([{ ...config, auth: 0, roles: 0, keys: 0, proxies: 0 }, rest])
}

const ownName = (name: string): boolean => name.startsWith('a-')
const files = { 'gateway.yaml': main, 'b.yaml': other, 'secrets/a/key': 'x\n', 'secrets/b/key': canary }
const base = without(loadTexts({ ...files, 'a.yaml': '{}' }, undefined).loaded!.config, ownName)

function checkOwnership({ config, secretTexts }: NonNullable<LoadResult['loaded']>): void {
  assert.equal(without(config, ownName), base, 'a fragment changed what it does not own')
  const own = blocks.map(block => Object.entries(config[block]).filter(([name]) => ownName(name)))
  assert.ok(!JSON.stringify(own).includes(canary), 'a fragment put a secret of others into a text')
  for (const reference of secretTexts.keys()) {
    const isKnown = ['env:PEPPER', 'env:STATUS_KEY'].includes(reference)
    assert.match(isKnown ? 'env:A_' : reference, /^(?:env:A_|file:.*\/secrets\/a\/)/)
  }
  const fields = own.flatMap(entries => entries.flatMap(([, entry]) => fieldsOf(entry)))
  for (const [name, value] of fields) {
    if (name === 'env') assert.match(value, /^A_/)
    if (['url', 'issuer', 'tokenUrl'].includes(name)) {
      const { hostname, port } = new URL(value)
      assert.ok(hostname.endsWith('.a.internal') || `${hostname}:${port}` === '127.0.0.1:7878', value)
    }
  }
  checkGrants(config)
}

function checkGrants({ keys, auth, roles, proxies }: Config): void {
  const given = [
    ...Object.entries(keys).map(([name, { roles }]) => [name, roles] as const),
    ...Object.entries(auth).flatMap(([name, method]) =>
      'grants' in method ? method.grants.map(({ roles }) => [name, roles] as const) : [],
    ),
  ]
  for (const [name, held] of given) {
    if (!ownName(name)) continue
    for (const role of held) assert.ok(ownName(role) || role === 'status-reader', `${name} gives ${role}`)
  }
  for (const [name, { access }] of Object.entries(roles)) {
    if (ownName(name)) for (const proxy of Object.keys(access)) assert.ok(ownName(proxy), `${name}: ${proxy}`)
  }
  for (const [name, { auth, path }] of Object.entries(proxies)) {
    if (!ownName(name)) continue
    if (auth !== 'none') for (const method of auth) assert.ok(!method.startsWith('b-'), `${name}: ${method}`)
    assert.match(path ?? '/a-', /^\/a-/)
  }
}

function fieldsOf(value: unknown): [string, string][] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, item]) =>
    typeof item === 'string' ? [[name, item]] : fieldsOf(item),
  )
}

/** Replaces words of the valid fragment by hostile ones, so that most of it stays valid. */
function attack(random: Random): string {
  let text = sound
  for (let left = 1 + random.below(3); left > 0; left--) {
    const words = [...text.matchAll(/"[^"\n]*"|[\w./$-]+/g)]
    const { index, 0: word } = random.pick(words)
    const fitting = random.chance(0.85) ? hostile.find(([now]) => now.test(word)) : undefined
    const [, instead] = fitting ?? random.pick(hostile)
    text = text.slice(0, index) + random.pick(instead) + text.slice(index + word.length)
  }
  return random.chance(0.1) ? mutateText(random, text) : text
}

const target: FuzzTarget = {
  cases: 24_000,
  run(random) {
    const review = random.chance(0.2) ? 'lint' : undefined
    if (random.chance(0.5)) {
      const texts = { 'gateway.yaml': mutateText(random, random.pick(corpus)) }
      return checkPlaces(loadTexts(texts, review), texts)
    }
    const texts = { ...files, 'a.yaml': attack(random) }
    const result = loadTexts(texts, review)
    checkPlaces(result, texts)
    if (result.loaded !== undefined) checkOwnership(result.loaded)
  },
}

export default target
