import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { run as explain } from '../gateway/commands/explain.ts'
import { run as render } from '../gateway/commands/render.ts'
import { diagnosticCodes } from '../gateway/config/document/diagnostics.ts'
import { details, reasons } from '../gateway/mcp/refusal-table.ts'
import { runCommand } from './fixtures/command.ts'

const root = join(import.meta.dirname, '..')

const command = (start: typeof explain, args: string[], cwd = root, env: Record<string, string> = {}) =>
  runCommand(start, args, { cwd, env })

t.test('every code, name, reason and detail is explained', async t => {
  for (const [code, { name, summary }] of Object.entries(diagnosticCodes)) {
    for (const word of [code, code.toLowerCase(), name]) {
      const { stdout } = await command(explain, [word])
      t.ok(stdout.startsWith(`${code} ${name}\n\n${summary}\n\nFix: `), word)
    }
  }
  for (const word of [...Object.keys(reasons), ...Object.keys(details)]) {
    const { code, stdout } = await command(explain, [word])
    t.equal(code, 0, word)
    t.match(stdout, /HTTP \d{3}, code -?\d+/)
  }
})

t.test('fields are explained by their path, also in unions, maps and lists', async t => {
  const rows: [path: string, text: RegExp][] = [
    ['listen', /Fields: address, /],
    ['listen.timeout.request', /Default: "/],
    ['auth.corp.issuer', /issuer/i],
    ['auth.corp.grants.0.when.claims', /Expected claims/],
    ['auth.corp.grants.when.claims', /Expected claims/],
    ['keys.ci.secrets.0.hash', /sha256:/],
    ['proxies.mock.tools.allow', /./],
    ['/proxies/mock/upstream/url', /URL/],
    ['listen.tls.minVersion', /Values: "TLSv1.2", "TLSv1.3"/],
  ]
  for (const [path, text] of rows) {
    const { code, stdout } = await command(explain, [path])
    t.equal(code, 0, path)
    t.match(stdout, text, path)
  }
  for (const path of ['listen.nowhere', 'nonsense', 'proxies.mock.upstream.url.x', ''])
    t.equal((await command(explain, [path])).code, 2, path)
  t.match((await command(explain, ['key_disable'])).stderr, /did you mean `key_disabled`/)
  t.equal((await command(explain, [])).code, 2)
})

t.test('the effective configuration has fragments, variables and defaults, and no secret', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-render-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const hash = `sha256:${'c'.repeat(64)}`
  writeFileSync(
    join(folder, 'gateway.yaml'),
    'version: 1\ninclude: [team.yaml]\nauth: {main: {type: api-key}}\nlisten: {address: "127.0.0.1:${PORT}"}\nsessions: {secret: {env: SECRET}}\n',
  )
  writeFileSync(
    join(folder, 'team.yaml'),
    `roles: {r: {access: {p: {tools: {allow: ["*"]}}}}}\nkeys: {k: {roles: [r], secrets: [{hash: "${hash}"}]}}\nproxies: {p: {auth: [main], upstream: {url: "http://127.0.0.1:1/mcp"}}}\n`,
  )
  const env = { PORT: '8123', SECRET: 'canary-of-the-render-test-0123456789abcdef' }
  const shown = await command(render, [], folder, env)
  t.equal(shown.code, 0)
  t.match(shown.stdout, /^# revision [0-9a-f]{12}\n/)
  const config = parse(shown.stdout) as Record<string, never>
  t.match(config, {
    listen: { address: '127.0.0.1:8123', drain: String },
    keys: { k: { disabled: false, secrets: [{ hash: 'sha256:cccccccc…' }] } },
    sessions: { secret: { env: 'SECRET' } },
  })
  t.notMatch(shown.stdout, /canary|c{9}/)
  const bare = await command(render, ['--format', 'json'], folder)
  t.equal(bare.code, 0, 'needs no variable')
  t.match(JSON.parse(bare.stdout), { schemaVersion: 1, revision: null, config: { version: 1 } })
  writeFileSync(join(folder, 'gateway.yaml'), 'version: 1\nnonsense: 1\n')
  t.equal((await command(render, [], folder)).code, 1)
  t.equal((await command(render, ['absent.yaml'], folder)).code, 2)
})
