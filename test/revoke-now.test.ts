import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Io } from '../gateway/commands/cli/io.ts'
import { run as schema } from '../gateway/commands/schema.ts'
import { readRevocations } from '../gateway/config/revocations.ts'
import { ann, config, folderWith, keysOf, run } from './fixtures/keys.ts'

const named = `${config(ann)}revocations: revoked.yaml # only takes away\n`
const revoke = ['revoke', 'ann', '--now', '--reason', 'leaked in a build log']
const entriesOf = (file: string): string[] => {
  const { entries } = readRevocations(file, { keys: ['ann'], issuers: [], hashes: [] }, { now: new Date() })
  return [...(entries?.keys() ?? [])]
}

t.test('a key is revoked in both files, and the revocations file is created', async t => {
  const { folder, file, read } = folderWith(t, named)
  const revoked = join(folder, 'revoked.yaml')
  const { code, stderr } = await run(folder, revoke)
  t.equal(code, 0)
  t.match(stderr, 'added key ann to revoked.yaml\ndisabled key ann in gateway.yaml\n')
  t.match(
    readFileSync(revoked, 'utf8'),
    /^version: 1\nkeys:\n {2}- name: ann\n {4}reason: leaked in a build log\n {4}date: \d{4}-\d\d-\d\dT[\d:]+Z\n$/,
  )
  t.equal(statSync(revoked).mode & 0o777, statSync(file).mode & 0o777, 'both files have the same readers')
  t.same(entriesOf(revoked), ['key ann'])
  t.ok(keysOf(file)['ann']!.disabled)
  const before = [read(), readFileSync(revoked, 'utf8')]
  t.match(await run(folder, revoke), {
    code: 0,
    stderr: /already in revoked\.yaml\n.*already disabled/,
  })
  t.same([read(), readFileSync(revoked, 'utf8')], before)
})

const layouts: [name: string, text: string, comment: string][] = [
  [
    'a block list',
    '# ours\nkeys:\n  # the first\n  - {name: bob, reason: x, date: 2026-11-01} # old\n',
    '# old',
  ],
  ['a flow list', 'keys: [{name: bob, reason: x, date: 2026-11-01}] # ours\n', '# ours'],
  ['an empty list', 'version: 1\nkeys: [] # none yet\n', '# none yet'],
  ['a list without entries', 'version: 1\nkeys: # none yet\n', '# none yet'],
  ['no list', 'version: 1 # ours\nsecrets: []\n', '# ours'],
  ['nothing', '', ''],
]

t.test('comments and layout of the revocations file stay', async t => {
  for (const [name, text, comment] of layouts) {
    const { folder } = folderWith(t, named)
    const revoked = join(folder, 'revoked.yaml')
    writeFileSync(revoked, text)
    t.equal((await run(folder, revoke)).code, 0, name)
    t.ok(entriesOf(revoked).includes('key ann'), name)
    t.equal(entriesOf(revoked).includes('key bob'), text.includes('bob'), name)
    t.ok(readFileSync(revoked, 'utf8').includes(comment), name)
  }
})

t.test('a configuration with errors does not delay a revocation', async t => {
  for (const broken of [
    named.replace('[reader]', '[raeder]'),
    `${named}include: [teams.yaml]\n`,
    `${named}proxies: [\n`,
  ]) {
    const { folder, read } = folderWith(t, broken)
    const { code, stderr } = await run(folder, revoke)
    t.equal(code, 1, 'the configuration is not changed')
    t.match(stderr, /added key ann to revoked\.yaml\n.*gateway\.yaml was not changed.*GH\d{4}/s)
    t.same(entriesOf(join(folder, 'revoked.yaml')), ['key ann'])
    t.equal(read(), broken)
  }
})

t.test('the key is disabled even when the revocations file has errors', async t => {
  const { folder, read } = folderWith(t, named)
  writeFileSync(join(folder, 'revoked.yaml'), 'keys: [{name: bob}]\n')
  const { code, stderr } = await run(folder, revoke)
  t.equal(code, 1)
  t.match(stderr, /disabled key ann.*revocations file was not changed.*GH1202/s)
  t.match(read(), 'disabled: true')
  t.equal(readFileSync(join(folder, 'revoked.yaml'), 'utf8'), 'keys: [{name: bob}]\n')
})

t.test('a refused command says what to add, and writes nothing', async t => {
  const { folder, read } = folderWith(t, config(ann))
  const before = read()
  t.match(await run(folder, revoke), { code: 1, stderr: /`revocations: revoked\.yaml`/ })
  t.equal(read(), before)
  const other = folderWith(t, named)
  t.match(await run(other.folder, ['revoke', 'nan', '--now']), { code: 1, stderr: /did you mean `ann`/ })
  t.match(await run(other.folder, [...revoke, '--reason', ' ']), { code: 2, stderr: /`--reason`/ })
  const tried = await run(other.folder, [...revoke, '--dry-run'])
  t.match(tried, { code: 0, stdout: /disabled: true[\s\S]*---\nversion: 1\nkeys:\n/ })
  const json = JSON.parse(
    (await run(other.folder, [...revoke, '--dry-run', '--format', 'json'])).stdout,
  ) as object
  t.match(json, {
    name: 'ann',
    changed: true,
    dryRun: true,
    revocations: { changed: true, text: /name: ann/ },
  })
  t.notOk(existsSync(join(other.folder, 'revoked.yaml')))
  t.equal(other.read(), named)
})

t.test('the schema of the revocations file is printed, and describes every field', async t => {
  let text = ''
  const io = { stdout: (more: string) => void (text += more), stderr: () => {} } as unknown as Io
  t.equal(await schema(['--revocations'], io), 0)
  interface Node {
    description?: string
    examples?: unknown[]
    properties?: Record<string, Node>
    items?: Node
  }
  let fields = 0
  const walk = ({ properties = {}, items }: Node): void => {
    for (const [name, field] of Object.entries(properties)) {
      t.ok(field.description !== undefined && field.examples?.length, name)
      fields++
      walk(field)
    }
    if (items !== undefined) walk(items)
  }
  walk(JSON.parse(text) as Node)
  t.ok(fields > 20)
})
