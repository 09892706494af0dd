import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import t from 'tap'
import { load } from '../gateway/config/load.ts'
import { reasons } from '../gateway/mcp/refusal-table.ts'
import { documentOf as referenceOfSchemas } from '../schema/reference.ts'

type Node = {
  [key: string]: unknown
  $ref?: string
  description?: string
  examples?: unknown[]
  properties?: Record<string, Node>
}

const root = join(import.meta.dirname, '..')
/** Returns the anchors that GitHub gives to the headings of a page. */
function anchorsOf(text: string): Set<string> {
  const headings = [...text.replaceAll(/^```[\s\S]*?^```/gm, '').matchAll(/^#+ (.*)$/gm)]
  const explicit = [...text.matchAll(/<a id="([\w-]+)">/g)].map(([, id]) => id!)
  return new Set([
    ...explicit,
    ...headings.map(([, heading = '']) =>
      heading
        .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  ])
}
const page = (path: string): string => readFileSync(join(root, path), 'utf8')

t.test('the gateway.yaml of the README is valid, and lint has no advice', async t => {
  const [, yaml = ''] = /```yaml\n([\s\S]*?)```/.exec(page('README.md')) ?? []
  t.ok(yaml.split('\n').length <= 20, 'it is short')
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-readme-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'gateway.yaml'), yaml)
  const options = { env: {}, now: new Date('2026-11-24'), review: 'lint' } as const
  const { diagnostics, loaded } = load(join(folder, 'gateway.yaml'), options)
  t.same(diagnostics, [])
  t.ok(loaded)
})

t.test('docs/configuration.md is generated from the schemas: run npm run schema', async t => {
  t.equal(page('docs/configuration.md'), referenceOfSchemas())
  t.notMatch(referenceOfSchemas(), /undefined|\[object/)
})

t.test('every link of a page leads to a file, and to a heading in it', async t => {
  const pages = globSync(['*.md', 'docs/*.md', 'examples/*/*.md'], { cwd: root })
  let links = 0
  for (const path of pages) {
    const text = page(path).replaceAll(/^```[\s\S]*?^ *```/gm, '')
    for (const [, target = '', anchor] of text.matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)/g)) {
      const file = target === '' ? path : join(dirname(path), target)
      links++
      if (!existsSync(join(root, file))) t.fail(`${path}: ${target} does not exist`)
      else if (anchor !== undefined && !anchorsOf(page(file)).has(anchor)) {
        t.fail(`${path}: ${target}#${anchor} does not exist`)
      }
    }
  }
  t.ok(links > 100, `${links} links`)
})

/** Completes an `upstream` block to a configuration. */
function inProxy(upstream: string): string {
  return `proxies:\n  piece:\n    auth: none\n${upstream.replaceAll(/^/gm, '    ')}`
}

t.test('every piece of gateway.yaml on a page has only fields that exist, with valid values', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-docs-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const blocks = new Set(Object.keys((JSON.parse(page('schema/gateway.schema.json')) as Node).properties!))
  // A piece may refer to what is not on the page, and shorten hashes.
  const partial = new Set(['GH1202', 'GH1207'])
  let pieces = 0
  for (const path of globSync(['docs/*.md'], { cwd: root })) {
    for (const [, indent = '', yaml = ''] of page(path).matchAll(/^( *)```yaml\n([\s\S]*?)^ *```$/gm)) {
      const written = yaml.replaceAll(new RegExp(`^${indent}`, 'gm'), '')
      const text = written.startsWith('upstream:') ? inProxy(written) : written
      const names = [...text.matchAll(/^([\w-]+):/gm)].map(([, name]) => name!)
      if (names.length === 0 || !names.every(name => blocks.has(name))) continue
      pieces++
      writeFileSync(join(folder, 'gateway.yaml'), names.includes('version') ? text : `version: 1\n${text}`)
      const { diagnostics } = load(join(folder, 'gateway.yaml'), { env: {}, now: new Date('2026-11-24') })
      const wrong = diagnostics.filter(({ code }) => /^GH1(?:00|2)/.test(code) && !partial.has(code))
      t.same(wrong, [], `${path}: ${text}`)
    }
  }
  t.ok(pieces > 25, `${pieces} pieces`)
})

t.test('every file and folder that a page names exists', async t => {
  const pages = globSync(['*.md', 'docs/*.md'], { cwd: root }).filter(path => path !== 'CHANGELOG.md')
  const rooms =
    /^(?:gateway|policies|schema|scripts|test|bench|examples|docs|access|auth|config|http|mcp|oauth|observe|runtime)\//
  let paths = 0
  for (const path of pages) {
    for (const [, name = ''] of page(path).matchAll(/`([\w.-]+\/[\w./-]*)`/g)) {
      if (!rooms.test(name) || /NAME|X\.test/.test(name)) continue
      paths++
      const isThere = ['', 'gateway'].some(folder => existsSync(join(root, folder, name)))
      if (!isThere) t.fail(`${path}: ${name} does not exist`)
    }
  }
  t.ok(paths > 50, `${paths} paths`)
})

t.test('the table of errors on the wire is the one in the code', async t => {
  const [, table = ''] = page('docs/errors.md').split('## Errors on the wire')
  const found = new Map<string, string>()
  for (const [, names = '', statuses = '', codes = ''] of table.matchAll(
    /^\| (`.*?`) \| ([\d, ]+(?: \(\d+\))?) \| ([-\d, ]+) \|/gm,
  )) {
    const [ownStatuses = '', legacy = ''] = statuses.split(/(?= \()/)
    const status = ownStatuses.split(', ')
    const code = codes.split(', ')
    for (const [index, name] of names.replaceAll('`', '').split(', ').entries()) {
      found.set(name, `${status[index] ?? status[0]}${legacy} ${code[index]}`)
    }
  }
  const wanted = Object.entries(reasons).map(([reason, { status, code, ...row }]) => {
    const legacy = 'legacyStatus' in row ? ` (${row.legacyStatus})` : ''
    return [reason, `${status}${legacy} ${code}`] as const
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

/** Returns whether a path such as `keys.NAME.secrets[].hash` leads to a field. */
function hasField(definitions: Record<string, Node>, node: Node, [step, ...rest]: string[]): boolean {
  const target = node.$ref === undefined ? node : definitions[node.$ref.replace('#/$defs/', '')]!
  if (step === undefined) return true
  const { items, additionalProperties: entry } = target as { items?: Node; additionalProperties?: Node }
  const branches = (target['oneOf'] as Node[] | undefined) ?? []
  const field = target.properties?.[step]
  return (
    (field !== undefined && hasField(definitions, field, rest)) ||
    (step === '[]' && items !== undefined && hasField(definitions, items, rest)) ||
    (typeof entry === 'object' && hasField(definitions, entry, rest)) ||
    branches.some(branch => hasField(definitions, branch, [step, ...rest]))
  )
}

t.test('every field that a page names by its path exists', async t => {
  const schema = JSON.parse(page('schema/gateway.schema.json')) as Node & { $defs: Record<string, Node> }
  const top = {
    properties: { ...schema.properties, upstream: { $ref: '#/$defs/Upstream' } as Node },
  }
  // Fields of `/status`, and of another gateway.
  const others = /^(?:revocations\.|keys\[\]\.metadata)/
  let paths = 0
  for (const file of globSync(['*.md', 'docs/*.md', 'examples/*/*.md'], { cwd: root })) {
    if (file === 'CHANGELOG.md') continue
    for (const [, path = ''] of page(file)
      .replaceAll(/```[\s\S]*?```/g, '')
      .matchAll(/`([a-z]\w*(?:\.\w+|\[\])+)`/g)) {
      const steps = path.replaceAll('[]', '.[]').split('.')
      if (
        !Object.hasOwn(top.properties, steps[0]!) ||
        others.test(path) ||
        /\.(?:ts|md|yaml|json|d)$/.test(path)
      )
        continue
      paths++
      if (!hasField(schema.$defs, top, steps)) t.fail(`${file}: ${path}`)
    }
  }
  t.ok(paths > 60, `${paths} paths`)
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
