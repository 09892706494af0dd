import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { run as check } from '../gateway/commands/check.ts'
import { run } from '../gateway/commands/plan.ts'
import { orderOf, orders } from '../gateway/plan/fields.ts'
import { plan } from '../gateway/plan/plan.ts'
import { answer } from '../gateway/analysis/answer.ts'
import { parseWithoutHints } from '../gateway/config/schema/editor-hints.ts'
import { runCommand } from './fixtures/command.ts'
import { loadText, today } from './fixtures/configuration.ts'

const root = join(import.meta.dirname, '..')
const seed = 20_261_128
const hash = (digit: string): string => `sha256:${digit.repeat(64)}`

type Node = { readonly [name: string]: unknown }

/** Returns the path of every field of the schema. A reference to a secret is one field, as in a plan. */
function fieldsOf(schema: Node): string[][] {
  const definitions = schema['$defs'] as Record<string, Node>
  const found: string[][] = []
  const references = new Set(['env', 'file', 'value', 'scheme'])
  const walk = (given: Node, path: readonly string[]): void => {
    const name = (given['$ref'] as string | undefined)?.replace('#/$defs/', '')
    const node = name === undefined ? given : { ...definitions[name], ...given }
    const parts = ['oneOf', 'anyOf', 'allOf'].flatMap(word => (node[word] as Node[] | undefined) ?? [])
    for (const part of [...parts, node['then'], node['else']])
      if (part !== undefined) walk(part as Node, path)
    const fields = Object.entries((node['properties'] ?? {}) as Record<string, Node>)
    const isReference = fields.length > 0 && fields.every(([field]) => references.has(field))
    if (!isReference) for (const [field, child] of fields) walk(child, [...path, field])
    const rest = node['additionalProperties']
    if (typeof rest === 'object') walk(rest as Node, [...path, 'NAME'])
    for (const child of Object.values((node['patternProperties'] ?? {}) as Record<string, Node>))
      walk(child, [...path, 'NAME'])
    const hasParts = parts.length > 0 && fields.length === 0 && node['type'] === 'object'
    const isLeaf = fields.length === 0 && typeof rest !== 'object' && !hasParts
    if (isReference || (isLeaf && (node['type'] ?? node['const'] ?? node['enum']) !== undefined))
      found.push([...path])
  }
  walk(schema, [])
  return found.filter(path => path.length > 0)
}

t.test('every field of the schema has an order, and every order a field', async t => {
  const fields = fieldsOf(
    parseWithoutHints(readFileSync(join(root, 'schema/gateway.schema.json'), 'utf8')) as Node,
  )
  t.ok(fields.length > 90, `${fields.length} fields`)
  const missing = fields.filter(path => orderOf(path) === undefined)
  t.strictSame(missing, [])
  const used = new Set(fields.map(path => orders.find(row => fitsRow(row[0], path))?.[0]))
  const below = new Set(['keys/*/secrets/**', 'auth/*/grants/**'])
  t.strictSame(
    orders.map(([pattern]) => pattern).filter(pattern => !used.has(pattern) && !below.has(pattern)),
    [],
  )
})

/** Whether a row of the table fits, by itself. */
function fitsRow(pattern: string, path: readonly string[]): boolean {
  const text = pattern
    .split('/')
    .map(segment => (segment === '**' ? '.+' : segment === '*' ? '[^/]+' : segment))
    .join('/')
  return new RegExp(`^${text}$`).test(path.join('/'))
}

const base = `
listen: {allowedOrigins: ["https://a.example"], publicUrl: "https://mcp.example.com"}
auth:
  main: {type: api-key}
  corp:
    type: jwt
    issuer: https://id.example.com
    audiences: [one]
    grants:
      - {when: {claims: {groups: "team-*"}}, roles: [reader]}
      - {when: {claims: {groups: "team-admin"}}, roles: [admin]}
roles:
  reader: {access: {mock: {tools: {allow: ["get_*"], deny: ["get_secret*"]}}}}
  admin: {access: {mock: {tools: {allow: ["*"]}}}}
  docs: {access: {mock: {resources: {allow: ["file:///public/*"]}}}}
keys:
  ci: {roles: [reader], expires: 2027-01-01, secrets: [{hash: "${hash('a')}"}]}
  docs: {roles: [docs], secrets: [{hash: "${hash('b')}"}]}
  off: {roles: [admin], disabled: true, secrets: [{hash: "${hash('c')}"}]}
proxies:
  mock: {auth: [main, corp], upstream: {url: "http://127.0.0.1:7878/mcp", headers: {X-Key: {env: KEY}}}, scopes: {tools: {"delete_*": [admin]}}}
  idle: {auth: [main], upstream: {url: "http://127.0.0.1:7879/mcp"}}
`
const configOf = (text: string) => {
  const { loaded, diagnostics } = loadText(`version: 1\n${text}`, { allowMissingEnv: true })
  if (loaded === undefined) throw new Error(JSON.stringify(diagnostics))
  return loaded.config
}
const changesOf = (before: string, after: string) =>
  plan(configOf(before), configOf(after), today.getTime()).map(({ risk, message }) => `${risk}: ${message}`)

/** Edits of the configuration above, with the changes that a reviewer would expect. */
const edits: [name: string, from: string | RegExp, to: string, changes: string[]][] = [
  ['nothing', 'version', 'version', []],
  ['a comment', 'keys:', '# people\nkeys:', []],
  ['other quotes', '["get_*"]', "['get_*']", []],
  [
    'a deny that goes',
    ', deny: ["get_secret*"]',
    '',
    [
      'widens: key ci, token of corp with {"groups":"team-"} and token of corp with {"groups":"team-admin"} gain tools such as "get_secret" on mock',
    ],
  ],
  [
    'a deny that comes',
    'deny: ["get_secret*"]',
    'deny: ["get_secret*", "get_x"]',
    [
      'narrows: key ci, token of corp with {"groups":"team-"} and token of corp with {"groups":"team-admin"} lose tools such as "get_x" on mock',
    ],
  ],
  [
    'a deny of nothing',
    'deny: ["get_secret*"]',
    'deny: ["get_secret*", "delete_*"]',
    [
      // The admin's token also holds the reader's role, whose deny counts.
      'narrows: token of corp with {"groups":"team-admin"} loses tools such as "delete_" on mock',
    ],
  ],
  ['the same, written differently', '["get_*"]', '["get_?*", "get_"]', []],
  [
    'a wider pattern',
    '["get_*"]',
    '["get_*", "list_*"]',
    ['widens: key ci and token of corp with {"groups":"team-"} gain tools such as "list_" on mock'],
  ],
  ['a renamed role', /reader/g, 'viewer', ['neutral: role reader is removed', 'neutral: role viewer is new']],
  [
    'a key that is enabled',
    'disabled: true',
    'disabled: false',
    ['widens: key off gains access to mock: tools such as "x"'],
  ],
  [
    'a key that is disabled',
    'ci: {roles: [reader],',
    'ci: {roles: [reader], disabled: true,',
    ['narrows: key ci loses access to mock: tools such as "get_"'],
  ],
  [
    'a key with another role',
    'docs: {roles: [docs]',
    'docs: {roles: [admin]',
    [
      'widens: key docs gains tools such as "x" on mock',
      'narrows: key docs loses resources such as "file:///public/" on mock',
    ],
  ],
  [
    'a key that expires later',
    'expires: 2027-01-01',
    'expires: 2028-01-01',
    ['widens: keys.ci.expires changes'],
  ],
  [
    'a key that expires earlier',
    'expires: 2027-01-01',
    'expires: 2026-12-01',
    ['narrows: keys.ci.expires changes'],
  ],
  ['a key that never expires', 'expires: 2027-01-01, ', '', ['widens: keys.ci.expires is removed']],
  [
    'a new secret',
    `[{hash: "${hash('a')}"}]`,
    `[{hash: "${hash('a')}"}, {hash: "${hash('d')}"}]`,
    ['widens: key ci has a new secret'],
  ],
  [
    'a rotated secret',
    hash('a'),
    hash('d'),
    ['widens: key ci has a new secret', 'narrows: key ci loses a secret'],
  ],
  [
    'a key that goes',
    / {2}docs: \{roles: \[docs\].*\n/,
    '',
    [
      'narrows: key docs loses access to mock: resources such as "file:///public/"',
      'narrows: key docs is removed',
    ],
  ],
  [
    'a wider grant',
    'groups: "team-*"',
    'groups: "*"',
    ['widens: token of corp with {"groups":"x"} gains access to mock: tools such as "get_"'],
  ],
  ['another audience', 'audiences: [one]', 'audiences: [one, two]', ['widens: auth.corp.audiences changes']],
  ['audiences in another order', 'audiences: [one]', 'audiences: [one]', []],
  [
    'another issuer',
    'https://id.example.com',
    'https://id2.example.com',
    ['widens: auth.corp.issuer changes'],
  ],
  [
    'an open proxy',
    'idle: {auth: [main]',
    'idle: {auth: none',
    ['widens: everyone gains access to idle: tools such as "x", prompts such as "x", resources such as "x"'],
  ],
  ['a ceiling', 'idle: {auth: [main]', 'idle: {tools: {allow: ["a*"]}, auth: [main]', []],
  [
    'another ceiling',
    'mock: {auth:',
    'mock: {tools: {deny: ["get_a*"]}, auth:',
    [
      'narrows: key ci, token of corp with {"groups":"team-"} and token of corp with {"groups":"team-admin"} lose tools such as "get_a" on mock',
    ],
  ],
  [
    'a method',
    'mock: {tools: {allow: ["*"]}}',
    'mock: {tools: {allow: ["*"]}, methods: {allow: ["*"]}}',
    ['widens: token of corp with {"groups":"team-admin"} gains methods such as "x" on mock'],
  ],
  [
    'an origin',
    '"https://a.example"]',
    '"https://a.example", "https://b.example"]',
    ['widens: listen.allowedOrigins changes'],
  ],
  ['no origin', 'allowedOrigins: ["https://a.example"], ', '', ['narrows: listen.allowedOrigins changes']],
  [
    'a scope that is needed',
    '"delete_*": [admin]',
    '"delete_*": [admin, boss]',
    ['narrows: proxies.mock.scopes.tools.delete_* changes'],
  ],
  [
    'no scope',
    ', scopes: {tools: {"delete_*": [admin]}}',
    '',
    ['widens: proxies.mock.scopes.tools.delete_* is removed'],
  ],
  ['another upstream', '127.0.0.1:7879', '127.0.0.1:7880', ['breaks: proxies.idle.upstream.url changes']],
  [
    'another credential',
    '{env: KEY}',
    '{env: OTHER}',
    ['widens: proxies.mock.upstream.headers.X-Key changes'],
  ],
  ['another path', 'idle: {auth', 'idle: {path: /idle, auth', ['breaks: proxies.idle.path is set']],
  ['a proxy that goes', / {2}idle: .*\n/, '', ['breaks: proxy idle is removed']],
  [
    'workers',
    'keys:',
    'workers: 3\nkeys:',
    [
      'breaks: /workers takes effect only after a restart: a running gateway refuses this change',
      'neutral: workers changes',
    ],
  ],
  [
    'a description',
    'idle: {auth',
    'idle: {description: "…", auth',
    ['neutral: proxies.idle.description is set'],
  ],
]

t.test('each edit has the changes that a reviewer would expect', async t => {
  for (const [name, from, to, expected] of edits) {
    const after = base.replace(from, to)
    if (name !== 'nothing' && name !== 'audiences in another order') t.not(after, base, name)
    t.strictSame(changesOf(base, after), expected, name)
  }
})

const certificates = `
listen: {tls: {cert: {file: a}, key: {file: b}, clientCa: {file: c}}}
auth:
  hosts:
    type: mtls
    grants:
      - {when: {san: ["*.agents.example.com", "spiffe://example.com/*", "*@example.com"]}, roles: [reader]}
      - {when: {subject: "CN=boss*"}, roles: [admin]}
      - {when: {fingerprint: "${'a'.repeat(64)}"}, roles: [admin]}
roles:
  reader: {access: {mock: {tools: {allow: ["get_*"], deny: ["get_secret*"]}}}}
  admin: {access: {mock: {tools: {allow: ["*"]}}}}
proxies:
  mock: {auth: [hosts], upstream: {url: "http://127.0.0.1:7878/mcp"}}
`

t.test('certificates are compared by what their conditions tell apart', async t => {
  t.strictSame(changesOf(certificates, certificates), [])
  const holders = (from: string, to: string) =>
    plan(configOf(certificates), configOf(certificates.replace(from, to)), today.getTime()).map(
      ({ risk, access }) => [risk, access?.callers, access?.names.map(({ witness }) => witness)],
    )
  t.strictSame(holders('"*@example.com"]', '"*@example.com", "*.more.example"]')[0], [
    'widens',
    ['certificate for hosts with the name .more.example'],
    ['get_'],
  ])
  // With a name of the reader too, the deny of that role counts.
  t.strictSame(holders('"CN=boss*"', '"CN=boss-*"'), [
    ['narrows', ['certificate for hosts with the subject CN=boss'], ['x']],
    ['narrows', ['certificate for hosts with the name @example.com and the subject CN=boss'], ['x']],
  ])
  t.strictSame(holders(`"${'a'.repeat(64)}"`, `"${'b'.repeat(64)}"`)[0]?.slice(0, 2), [
    'widens',
    ['certificate for hosts with the fingerprint bbbbbbbbbbbbbbbb…'],
  ])
})

t.test('too many grants to try are a change that cannot be decided', async t => {
  const many = (role: string): string => {
    const grants = Array.from(
      { length: 250 },
      (_, index) => `{when: {claims: {g: "g${index}"}}, roles: [${role}]}`,
    )
    return base.replace(/ {4}grants:\n(?: {6}.*\n)+/, `    grants: [${grants.join(', ')}]\n`)
  }
  t.match(changesOf(many('reader'), many('admin')), [
    'widens: the grants are too many to compare, so their holders may gain access',
  ])
})

const letters = fc.constantFrom('a', 'b', '*', '?')
const pattern = fc
  .array(letters, { minLength: 1, maxLength: 3 })
  .map(parts => parts.join('').replaceAll(/\*+/g, '*'))
const list = fc.uniqueArray(pattern, { minLength: 1, maxLength: 2 })
const rules = fc.record({ allow: list, deny: fc.oneof(fc.constant([] as string[]), list) })
const randomConfig = fc
  .record({
    roles: fc.array(rules, { minLength: 2, maxLength: 2 }),
    held: fc.array(fc.subarray([0, 1]), { minLength: 2, maxLength: 2 }),
    grants: fc.uniqueArray(fc.tuple(fc.constantFrom('a', 'a*', '*'), fc.subarray([0, 1], { minLength: 1 })), {
      minLength: 1,
      maxLength: 2,
      selector: JSON.stringify,
    }),
    ceiling: fc.option(rules, { nil: undefined }),
    open: fc.integer({ min: 0, max: 5 }).map(value => value === 0),
  })
  .map(({ roles, held, grants, ceiling, open }) => {
    const text = JSON.stringify
    const auth = grants.map(([claim, indices]) => ({
      when: { claims: { g: claim } },
      roles: indices.map(i => `r${i}`),
    }))
    return [
      `auth: {main: {type: api-key}, corp: {type: jwt, issuer: "https://id.example.com", audiences: [x], grants: ${text(auth)}}}`,
      `roles: {${roles.map((one, index) => `r${index}: {access: {p: {tools: ${text(one)}}}}`).join(', ')}}`,
      `keys: {${held.map((indices, index) => `k${index}: {roles: ${text(indices.length > 0 ? indices.map(i => `r${i}`) : ['r0'])}, secrets: [{hash: "${hash(String(index))}"}]}`).join(', ')}}`,
      `proxies: {p: {auth: ${open ? 'none' : '[main, corp]'}, upstream: {url: "http://127.0.0.1:1/mcp"}${ceiling === undefined ? '' : `, tools: ${text(ceiling)}`}}}`,
    ].join('\n')
  })

t.test('a plan reports a gain or a loss exactly where a gateway would decide differently', async t => {
  const names = ['a', 'b', 'x', 'aa', 'ab', 'ba', 'bb', 'ax', 'xa', 'aaa', 'abx', 'bab', 'xxx', 'abab']
  const callers = [
    { key: 'k0' },
    { key: 'k1' },
    { anonymous: true as const },
    ...['a', 'ab', 'b', ['a', 'b']].map(g => ({ claims: { g } })),
  ]
  let differing = 0
  fc.assert(
    fc.property(randomConfig, randomConfig, (before, after) => {
      const sides = [before, after].map(configOf)
      const changes = plan(sides[0]!, sides[1]!, today.getTime())
      const reported = (risk: string): boolean =>
        changes.some(change => change.access !== undefined && change.risk === risk)
      let [gain, loss] = [false, false]
      for (const caller of callers) {
        for (const name of names) {
          const [was, is] = sides.map(
            config =>
              answer(caller, { kind: 'tool', name }, { config, proxy: 'p', now: today.getTime() }, new Map())
                .allow,
          )
          if (was !== is) differing++
          gain ||= is! && !was!
          loss ||= was! && !is!
        }
      }
      // Names and tokens outside the samples may differ too, so only what was found must be reported.
      return (!gain || reported('widens')) && (!loss || reported('narrows'))
    }),
    { seed, numRuns: 80 },
  )
  t.ok(differing > 500, `${differing} decisions differ`)
})

t.test('a plan of a configuration with itself is empty', async t => {
  fc.assert(
    fc.property(randomConfig, config => changesOf(config, config).length === 0),
    { seed, numRuns: 40 },
  )
  t.pass()
})

const command = (start: typeof run, args: string[], cwd: string) => runCommand(start, args, { cwd })

function folderOf(t: Test, files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-plan-test-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(folder, name, '..'), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  return folder
}

t.test('the commands compare files, folders and git revisions with their fragments', async t => {
  const main = 'version: 1\ninclude: ["teams/*.yaml"]\nauth: {main: {type: api-key}}\n'
  const team = (allow: string): string =>
    `proxies: {a: {auth: [main], upstream: {url: "http://127.0.0.1:1/mcp"}}}\nroles: {r: {access: {a: {tools: {allow: ["${allow}"]}}}}}\nkeys: {k: {roles: [r], secrets: [{hash: "${hash('a')}"}]}}\n`
  const folder = folderOf(t, { 'deploy/gateway.yaml': main, 'deploy/teams/a.yaml': team('get_*') })
  const git = (...args: string[]): string =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args], {
      cwd: folder,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  git('init', '-q')
  git('add', '.')
  git('commit', '-qm', 'one')
  writeFileSync(join(folder, 'deploy/teams/a.yaml'), team('*'))
  const expected = 'widens: key k gains tools such as "x" on a'
  for (const [before, after] of [
    ['HEAD:deploy/gateway.yaml', 'deploy/gateway.yaml'],
    ['HEAD:deploy/gateway.yaml', 'deploy'],
  ] as const) {
    const { code, stdout } = await command(run, [before, after, '--format', 'json'], folder)
    t.equal(code, 0)
    const { changes } = JSON.parse(stdout) as { changes: { risk: string; message: string }[] }
    t.strictSame(
      changes.map(({ risk, message }) => `${risk}: ${message}`),
      [expected],
    )
  }
  const text = await command(run, ['HEAD:deploy/gateway.yaml', 'deploy'], folder)
  t.match(text.stdout, 'before no rule')
  t.match(text.stdout, 'after allow "*" at deploy/teams/a.yaml:2')
  t.equal(git('status', '--short').trim(), 'M deploy/teams/a.yaml', 'the repository is untouched')
  t.equal((await command(run, ['HEAD:deploy/absent.yaml', 'deploy'], folder)).code, 2)
  t.equal((await command(run, ['nowhere:deploy/gateway.yaml', 'deploy'], folder)).code, 2)
  t.equal((await command(run, ['deploy'], folder)).code, 2)
})

t.test('the exit codes of plan and check', async t => {
  const files = {
    'old.yaml': `version: 1\n${base}`,
    'wide.yaml': `version: 1\n${base.replace(', deny: ["get_secret*"]', '')}`,
    'narrow.yaml': `version: 1\n${base.replace('["get_*"]', '["get_a*"]')}`,
    'open.yaml': `version: 1\n${base.replace('idle: {auth: [main]', 'idle: {auth: none')}`,
    'nasty.yaml': `version: 1\n${base.replace('["get_*"]', `["get_*", "*a${'?'.repeat(24)}b"]`)}`,
    'bad.yaml': 'version: 2\n',
  }
  const folder = folderOf(t, files)
  const rows: [start: typeof run, args: string, code: number, out: RegExp][] = [
    [run, 'old.yaml old.yaml', 0, /^no changes\n$/],
    [run, 'old.yaml wide.yaml', 0, /1 change: 1 widens/],
    [run, 'old.yaml wide.yaml --fail-on widens,breaks', 1, /get_secret/],
    [run, 'old.yaml narrow.yaml --fail-on widens', 0, /lose tools/],
    [run, 'old.yaml narrow.yaml --exit-code', 2, /lose tools/],
    [run, 'old.yaml old.yaml --exit-code -q', 0, /^$/],
    [run, 'old.yaml wide.yaml --fail-on nonsense', 2, /^$/],
    [run, 'old.yaml bad.yaml', 1, /^$/],
    [run, 'old.yaml absent.yaml', 2, /^$/],
    [check, 'no-new-access old.yaml narrow.yaml', 0, /^proved/],
    [check, 'no-new-access old.yaml wide.yaml', 1, /get_secret/],
    [check, 'no-new-access old.yaml nasty.yaml', 3, /cannot be decided/],
    [check, 'no-new-access old.yaml', 2, /^$/],
    [check, 'not-granted old.yaml --tools delete_* --proxy idle', 0, /^proved/],
    [check, 'not-granted old.yaml --tools *secret* --proxy idle -q', 0, /^$/],
    [check, 'not-granted old.yaml --prompts *', 0, /^proved/],
    [check, 'not-granted old.yaml --tools get_secret*', 0, /^proved/],
    [
      check,
      'not-granted wide.yaml --tools get_secret*',
      1,
      /key ci may use "get_secret" on mock: allow "get_\*" at wide.yaml:/,
    ],
    [check, 'not-granted open.yaml --tools delete_* --proxy i*', 1, /everyone may use "delete_" on idle/],
    [check, 'not-granted old.yaml --resources file:///etc/*', 0, /^proved/],
    [
      check,
      'not-granted old.yaml --resources file:///public/a*',
      1,
      /key docs may use "file:\/\/\/public\/a"/,
    ],
    [check, 'not-granted old.yaml', 2, /^$/],
    [check, 'not-granted old.yaml --tools a**', 2, /^$/],
    [check, 'no-anonymous old.yaml', 0, /^proved/],
    [check, 'no-anonymous open.yaml', 1, /proxy idle is open to everyone: open.yaml:\d+/],
  ]
  for (const [start, args, code, out] of rows) {
    const found = await command(start, args.split(' '), folder)
    t.equal(found.code, code, `${args}: ${found.stderr}`)
    t.match(found.stdout, out, args)
  }
})

t.test('the comment fits GitHub, and nothing in it ends a cell or is a link', async t => {
  const many = Array.from(
    { length: 800 },
    (_, index) =>
      `  k${index}: {roles: [r${index}], secrets: [{hash: "sha256:${String(index).padStart(64, '0')}"}]}`,
  )
  const roles = many.map(
    (_, index) =>
      `  r${index}: {description: "<b>|[x](y)", access: {mock: {tools: {allow: ["t${index}|*"]}}}}`,
  )
  const text = (keys: string[]): string =>
    `version: 1\nauth: {main: {type: api-key}}\nroles:\n${roles.join('\n')}\nkeys:\n${keys.join('\n')}\nproxies: {mock: {auth: [main], upstream: {url: "http://127.0.0.1:1/mcp"}}}\n`
  const folder = folderOf(t, { 'old.yaml': text(many.slice(0, 1)), 'new.yaml': text(many) })
  const { stdout: out } = await command(run, ['old.yaml', 'new.yaml', '--format', 'markdown'], folder)
  t.ok(out.length < 60_000, String(out.length))
  t.match(out, /^### Gatehouse plan: 1598 changes: 1598 widens/)
  t.match(out, /more changes were cut/)
  t.match(out, '```mermaid')
  const rows = out.split('\n').filter(line => line.startsWith('| 🔓'))
  t.ok(rows.length > 50)
  for (const row of rows) t.equal(row.split('|').length, 5)
})

t.test('a plan shows neither secrets nor hashes', async t => {
  const after = base
    .replace(hash('a'), hash('d'))
    .replace('127.0.0.1:7879/mcp', '127.0.0.1:7880/mcp?x=canary')
  const text = JSON.stringify(plan(configOf(base), configOf(after), today.getTime()))
  for (const secret of ['aaaaaaaa', 'dddddddd', 'canary']) t.notMatch(text, secret)
})
