import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { answer } from '../gateway/analysis/answer.ts'
import { hashSecret } from '../gateway/auth/api-key/key.ts'
import { run } from '../gateway/commands/can.ts'
import { load } from '../gateway/config/load.ts'
import { revocationId } from '../gateway/values/revocation-id.ts'
import { runCommand } from './fixtures/command.ts'
import { createAuthority } from './fixtures/certificates.ts'
import { startTestGateway } from './fixtures/gateway.ts'
import { json, messageOf, startTestUpstream } from './fixtures/upstream.ts'

const secretOf = (name: string): string => `canary-of-the-can-test-${name}-0123456789`
const hash = (name: string): string => `secrets: [{hash: "${hashSecret(secretOf(name))}"}]`

/** The configuration after `version`, with each rule on a line of its own. */
const yaml = (upstream: string): string => `
revocations: revoked.yaml
auth:
  main: {type: api-key}
  corp:
    type: jwt
    issuer: https://id.example.com
    jwks: {url: "https://id.example.com/jwks"}
    audiences: ["https://mcp.example.com"]
    grants:
      - {when: {claims: {groups: "admins"}}, roles: [admin]}
      - {when: {claims: {groups: "*"}}, roles: [reader]}
  hosts:
    type: mtls
    grants:
      - {when: {san: "*.agents.example.com"}, roles: [reader]}
roles:
  reader:
    access:
      mock:
        tools:
          allow:
            - "get_*"
          deny:
            - "*secret*"
        resources: {allow: ["file:///public/*"]}
  admin:
    access:
      "*":
        tools: {allow: ["*"]}
        methods: {allow: ["vendor/*", "tools/*"]}
keys:
  ci: {roles: [reader], ${hash('ci')}}
  boss: {roles: [admin], ${hash('boss')}}
  off: {roles: [admin], disabled: true, ${hash('off')}}
  late: {roles: [reader], expires: 2026-01-01, ${hash('late')}}
  gone: {roles: [admin], ${hash('gone')}}
proxies:
  mock:
    auth: [main]
    upstream: {url: "${upstream}"}
    tools: {deny: ["drop_*"]}
  tokens:
    auth: [corp]
    upstream: {url: "${upstream}"}
    scopes: {tools: {"delete_*": [mcp.admin]}}
  certs: {auth: [hosts], upstream: {url: "${upstream}"}}
  open: {auth: none, upstream: {url: "${upstream}"}, tools: {allow: ["get_*"]}}
`
const revoked = 'version: 1\nkeys: [{name: gone, date: 2026-11-01, reason: lost}]\n'

const folder = mkdtempSync(join(tmpdir(), 'gatehouse-can-'))
t.teardown(() => rmSync(folder, { recursive: true }))
writeFileSync(
  join(folder, 'gateway.yaml'),
  `version: 1\nlisten: {tls: {cert: {file: a}, key: {file: b}, clientCa: {file: c}}}${yaml('http://127.0.0.1:1/mcp')}`,
)
writeFileSync(join(folder, 'revoked.yaml'), revoked)

const ask = (args: string[], stdin = '') => runCommand(run, args, { cwd: folder, stdin })

interface Found {
  readonly allow: boolean
  readonly detail: string | null
  readonly rule: { readonly pointer: string; readonly file?: string; readonly line?: number }
  readonly principal: { readonly name: string; readonly roles: string[] } | null
  readonly others: { readonly pointer: string; readonly effect: string }[]
}

const claims = (value: object): string => JSON.stringify(value)
const rows: [question: string, stdin: string, allow: boolean, detail: string | null, rule: string][] = [
  ['--proxy mock --tool get_user --key ci', '', true, null, '/roles/reader/access/mock/tools/allow/0'],
  [
    '--proxy mock --tool get_secret --key ci',
    '',
    false,
    'name_unknown',
    '/roles/reader/access/mock/tools/deny/0',
  ],
  ['--proxy mock --tool delete_user --key ci', '', false, 'name_unknown', '/keys/ci/roles'],
  ['--proxy mock --tool drop_all --key boss', '', false, 'name_unknown', '/proxies/mock/tools/deny/0'],
  ['--proxy mock --prompt greet --key ci', '', false, 'name_unknown', '/keys/ci/roles'],
  [
    '--proxy mock --resource file:///public/a --key ci',
    '',
    true,
    null,
    '/roles/reader/access/mock/resources/allow/0',
  ],
  [
    '--proxy mock --resource file:///public/../etc/passwd --key ci',
    '',
    false,
    'name_unknown',
    '/keys/ci/roles',
  ],
  ['--proxy mock --method vendor/x --key boss', '', true, null, '/roles/admin/access/*/methods/allow/0'],
  ['--proxy mock --method vendor/x --key ci', '', false, 'method_unknown', '/keys/ci/roles'],
  ['--proxy mock --tool get_user --key off', '', false, 'key_disabled', '/keys/off'],
  ['--proxy mock --tool get_user --key late', '', false, 'key_expired', '/keys/late'],
  [
    '--proxy mock --tool get_user --key late --at 2025-12-31T23:59:59Z',
    '',
    true,
    null,
    '/roles/reader/access/mock/tools/allow/0',
  ],
  ['--proxy mock --tool get_user --key gone', '', false, 'credential_revoked', 'revocations:/keys/0'],
  ['--proxy mock --tool get_user --anonymous', '', false, 'credential_missing', '/proxies/mock/auth'],
  ['--proxy tokens --tool get_user --key ci', '', false, 'credential_missing', '/proxies/tokens/auth'],
  [
    '--proxy tokens --tool get_user --claims -',
    claims({ groups: 'users' }),
    false,
    'proxy_forbidden',
    '/auth/corp/grants',
  ],
  [
    '--proxy tokens --tool get_user --claims -',
    claims({ groups: ['x', 'admins'] }),
    true,
    null,
    '/roles/admin/access/*/tools/allow/0',
  ],
  [
    '--proxy tokens --tool delete_user --claims -',
    claims({ groups: 'admins' }),
    false,
    'scope_missing',
    '/proxies/tokens/scopes',
  ],
  [
    '--proxy tokens --tool delete_user --claims -',
    claims({ groups: 'admins', scope: 'mcp.admin' }),
    true,
    null,
    '/roles/admin/access/*/tools/allow/0',
  ],
  [
    '--proxy tokens --tool get_user --claims -',
    claims({ groups: 'admins', iss: 'https://evil.example' }),
    false,
    'token_issuer',
    '/proxies/tokens/auth',
  ],
  [
    '--proxy tokens --tool get_user --claims -',
    claims({ groups: 'admins', aud: 'other' }),
    false,
    'token_audience',
    '/proxies/tokens/auth',
  ],
  [
    '--proxy tokens --tool get_user --claims -',
    claims({ groups: 'admins', exp: 1 }),
    false,
    'token_expired',
    '/proxies/tokens/auth',
  ],
  ['--proxy open --tool get_user --anonymous', '', true, null, '/proxies/open/tools/allow/0'],
  ['--proxy open --tool set_user --key ci', '', false, 'name_unknown', '/proxies/open/tools/allow'],
]

t.test('each answer, with its detail and the rule that decides', async t => {
  for (const [question, stdin, allow, detail, rule] of rows) {
    const { code, stdout } = await ask([...question.split(' '), '--format', 'json'], stdin)
    const found = JSON.parse(stdout) as Found
    t.strictSame(
      [code, found.allow, found.detail, found.rule.pointer],
      [allow ? 0 : 1, allow, detail, rule],
      `${question} ${stdin}`,
    )
  }
})

t.test('the text names the file and line of the rule, and the rules that say the opposite', async t => {
  const { code, stdout } = await ask('--proxy mock --tool get_secret --key ci'.split(' '))
  t.equal(code, 1)
  t.strictSame(stdout.trim().split('\n'), [
    'no: the name is denied, or no rule allows it (name_unknown)',
    'decided by: gateway.yaml:26:15 /roles/reader/access/mock/tools/deny/0',
    'also matches: gateway.yaml:24:15 /roles/reader/access/mock/tools/allow/0 (allow "get_*")',
  ])
  t.same(await ask('--proxy mock --tool get_a --key ci -q'.split(' ')), { code: 0, stdout: '', stderr: '' })
})

t.test('a certificate is judged by its names', async t => {
  const authority = await createAuthority(folder, 'ca')
  for (const [name, roles] of [
    ['DNS:a.agents.example.com', ['reader']],
    ['DNS:b.example.com', []],
  ] as const) {
    const { cert } = await authority.issue({ san: [name] })
    writeFileSync(join(folder, 'client.pem'), cert)
    const { stdout } = await ask(
      '--proxy certs --tool get_a --certificate client.pem --format json'.split(' '),
    )
    const found = JSON.parse(stdout) as Found
    t.strictSame(found.principal?.roles, roles)
  }
})

t.test('mistakes in a question are reported, with exit code 2', async t => {
  const rows: [args: string, sentence: RegExp][] = [
    ['--tool x --key ci', /`--proxy` is required/],
    ['--proxy mokc --tool x --key ci', /did you mean `mock`/],
    ['--proxy mock --tool x --key c1', /no key is named `c1`/],
    ['--proxy mock --key ci', /name one of `--tool`/],
    ['--proxy mock --tool x --prompt y --key ci', /name one of `--tool`/],
    ['--proxy mock --tool x', /name one of `--key`/],
    ['--proxy mock --tool x --key ci --anonymous', /name one of `--key`/],
    ['--proxy mock --tool x --key ci --at tomorrow', /`--at` is not an instant/],
    ['--proxy tokens --tool x --claims -', /not valid JSON/],
    ['--proxy tokens --tool x --claims absent.json', /cannot be read/],
    ['--proxy certs --tool x --certificate gateway.yaml', /not a PEM certificate/],
    ['absent.yaml --proxy mock --tool x --key ci', /GH1001/],
  ]
  for (const [args, sentence] of rows) {
    const { code, stdout, stderr } = await ask(args.split(' '))
    t.equal(code, 2, args)
    t.equal(stdout, '')
    t.match(stderr, sentence)
  }
})

t.test('the answers are those of a gateway', async t => {
  const upstream = await startTestUpstream((arrival, response) => {
    json(response, { jsonrpc: '2.0', id: messageOf(arrival).id, result: {} })
  })
  const gateway = await startTestGateway(
    yaml(upstream.url).replace(/ {2}certs:.*\n| {2}hosts:\n(?: {4}.*\n)+/g, ''),
    {
      files: { 'revoked.yaml': revoked },
    },
  )
  t.teardown(() => Promise.all([gateway.close(), upstream.close()]))
  const { config } = load(join(folder, 'gateway.yaml'), {
    env: {},
    now: new Date(),
    allowMissingEnv: true,
  }).loaded!
  const revocations = new Map([[revocationId.key('gone'), '/keys/0']])
  let calls = 0
  for (const key of ['ci', 'boss', 'off', 'late', 'gone', undefined]) {
    for (const proxy of ['mock', 'tokens', 'open']) {
      for (const [kind, method, param, name] of [
        ['tool', 'tools/call', 'name', 'get_user'],
        ['tool', 'tools/call', 'name', 'get_secret'],
        ['tool', 'tools/call', 'name', 'drop_all'],
        ['prompt', 'prompts/get', 'name', 'greet'],
        ['resource', 'resources/read', 'uri', 'file:///public/a'],
        ['resource', 'resources/read', 'uri', 'file:///etc/a'],
        ['method', 'vendor/x', 'other', 'vendor/x'],
      ] as const) {
        const caller = key === undefined ? { anonymous: true as const } : { key }
        const { allow } = answer(caller, { kind, name }, { config, proxy, now: Date.now() }, revocations)
        const response = await fetch(`${gateway.url}/${proxy}/mcp`, {
          method: 'POST',
          headers: {
            'content-type': 'application/json',
            accept: 'application/json, text/event-stream',
            ...(key !== undefined && { authorization: `Bearer ${secretOf(key)}` }),
          },
          body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { [param]: name } }),
        })
        const text = await response.text()
        // A refusal without an id is plain text.
        const passed = text.startsWith('{') && 'result' in (JSON.parse(text) as object)
        t.equal(passed, allow, `${key} ${proxy} ${kind} ${name}`)
        calls++
      }
    }
  }
  t.equal(calls, 126)
})
