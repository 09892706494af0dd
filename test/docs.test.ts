import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import t from 'tap'
import { load } from '../gateway/config/load.ts'
import { Refusal, reasons } from '../gateway/mcp/errors.ts'

const root = join(import.meta.dirname, '..')
const page = (path: string): string => readFileSync(join(root, path), 'utf8')

t.test('the gateway.yaml of the README is valid, and there is no advice to give', async t => {
  const [, yaml = ''] = /```yaml\n([\s\S]*?)```/.exec(page('README.md')) ?? []
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-readme-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'gateway.yaml'), yaml)
  mkdirSync(join(folder, 'teams'))
  writeFileSync(join(folder, 'teams/a.yaml'), 'keys: {}\n')
  const secrets = [...yaml.matchAll(/\{env: (\w+)\}/g)].map(([, name]) => [name!, 'x'.repeat(32)])
  const env = Object.fromEntries(secrets) as Record<string, string>
  const options = { env, now: new Date('2026-11-24'), review: 'lint' } as const
  const { diagnostics, loaded } = load(join(folder, 'gateway.yaml'), options)
  t.same(diagnostics, [])
  t.ok(loaded)
})

t.test('the table of errors on the wire is the one in the code', async t => {
  const [, table = ''] = page('docs/architecture.md').split('## Errors on the wire')
  const found = new Map<string, string>()
  for (const [, names = '', statuses = '', codes = ''] of table.matchAll(
    /^\| (`.*?`) \| ([\d, ]+) \| ([-\d, ]+) \|/gm,
  )) {
    const status = statuses.split(', ')
    const code = codes.split(', ')
    for (const [index, name] of names.replaceAll('`', '').split(', ').entries()) {
      found.set(name, `${status[index] ?? status[0]} ${code[index]}`)
    }
  }
  const wanted = reasons.map(reason => {
    const { status, code } = new Refusal(reason, '')
    return [reason, `${status} ${code}`] as const
  })
  t.same(Object.fromEntries([...found].toSorted()), Object.fromEntries(wanted.toSorted()))
})

t.test('every metric and every event of the log has its line in the manual', async t => {
  const manual = page('docs/operating.md')
  const names = [...page('gateway/observe/metrics.ts').matchAll(/^ {2}(gatehouse_\w+):/gm)].map(
    ([, name]) => name!,
  )
  t.ok(names.length >= 6)
  const sources = globSync('gateway/**/*.ts', { cwd: root }).map(page)
  const events = [...sources.join('\n').matchAll(/log\.(?:info|warn|error)\('(\w+)'/g)].map(
    ([, event]) => event!,
  )
  t.ok(events.length >= 9)
  for (const name of [...names, ...events]) t.match(manual, `\`${name}\``, name)
})

t.test('every field of gateway.yaml is described, with an example', async t => {
  type Node = {
    [key: string]: unknown
    $ref?: string
    description?: string
    examples?: unknown[]
    properties?: Record<string, Node>
  }
  const schema = JSON.parse(page('schema/gateway.schema.json')) as Node & { $defs: Record<string, Node> }
  let fields = 0
  const walk = (node: unknown, path: string): void => {
    if (typeof node !== 'object' || node === null) return
    for (const [name, field] of Object.entries((node as Node).properties ?? {})) {
      const target =
        field.$ref === undefined ? field : { ...schema.$defs[field.$ref.replace('#/$defs/', '')], ...field }
      if (!target.description || !target.examples?.length) t.fail(`${path}/${name}`)
      fields++
    }
    for (const [name, child] of Object.entries(node)) walk(child, `${path}/${name}`)
  }
  walk(schema, '')
  t.ok(fields > 100, `${fields} fields`)
})

t.test('the fuzzers in docs/security.md are those that run, with their numbers of cases', async t => {
  const rows = [...page('docs/security.md').matchAll(/^\| `([\w-]+)` \|.*\| ([\d,]+) \|$/gm)]
  const told = rows.map(([, name, cases]) => [name, Number(cases!.replaceAll(',', ''))])
  const files = globSync('test/fuzz/*.fuzz.ts', { cwd: root })
  const found = files.map(file => {
    const [, cases = ''] = /^ {2}cases: ([\d_]+),$/m.exec(page(file)) ?? []
    return [basename(file, '.fuzz.ts'), Number(cases.replaceAll('_', ''))]
  })
  t.same(told.toSorted(), found.toSorted())
  t.ok(found.reduce((sum, [, cases]) => sum + Number(cases), 0) >= 1_000_000)
})
