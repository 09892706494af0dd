import { spawnSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { formats, whyMalformed } from '../gateway/values/formats.ts'
import { fragmentSchema, withEditorHints } from '../schema/editor-hints.ts'
import { patternOf } from '../schema/patterns.ts'
import { startLanguageServer, type LanguageServer, type OpenDocument } from './fixtures/language-server.ts'

type Node = { [name: string]: unknown }

const root = join(import.meta.dirname, '..')
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const schemas = ['gateway', 'fragment', 'revocations'].map(
  name => [name, JSON.parse(read(`schema/${name}.schema.json`)) as Node] as const,
)

/** Returns every object of a schema, with its place. */
function nodesIn(value: unknown, place: string): [string, Node][] {
  if (typeof value !== 'object' || value === null) return []
  const inner = Object.entries(value).flatMap(([name, child]) => nodesIn(child, `${place}/${name}`))
  return Array.isArray(value) ? inner : [[place, value as Node], ...inner]
}

t.test('the schemas have their hints for editors: run npm run schema', async t => {
  for (const name of ['gateway', 'revocations']) {
    const text = read(`schema/${name}.schema.json`)
    t.equal(withEditorHints(text), text)
  }
  t.equal(read('schema/fragment.schema.json'), fragmentSchema(read('schema/gateway.schema.json')))
  for (const [name, schema] of schemas) {
    for (const [place, node] of nodesIn(schema, name)) {
      if (typeof node['format'] !== 'string') continue
      t.equal(node['pattern'], patternOf(node['format']), place)
      t.type(node['patternErrorMessage'], 'string', place)
    }
  }
})

t.test('`schema` prints each schema', async t => {
  const print = (...args: string[]) =>
    spawnSync(join(root, 'bin/gatehouse'), ['schema', ...args], { encoding: 'utf8' })
  t.equal(print().stdout, read('schema/gateway.schema.json'))
  t.equal(print('--fragment').stdout, read('schema/fragment.schema.json'))
  t.equal(print('--revocations').stdout, read('schema/revocations.schema.json'))
  t.equal(print('--fragment', '--revocations').status, 2)
})

/** Texts that resemble values of the formats, valid and invalid ones. */
const pieces = fc.constantFrom(
  ...'0 1 9 12 255 3650 64 ms s m h d B KiB MiB : / . - + , @ # ? = _ [ ] ::1 fe80::1 % ~ $ http:// https:// HTTPS://'.split(
    ' ',
  ),
  ...'localhost example.com MCP.Example 127.0.0.1 10.0.0.0 .well-known mock/mcp 2027-03-01 2028-02-29 T12:00:00 Z'.split(
    ' ',
  ),
  ...'+01:00 .123 sha256: hmac-sha256: argon2id: $argon2id$v=19$m=19456,t=2,p=1$ SHA256 Fingerprint= aB AB ab'.split(
    ' ',
  ),
  'c2FsdHNhbHQ',
  'ab'.repeat(32),
  'AB:'.repeat(31),
  ' ',
  '',
)
const likely = fc.array(pieces, { maxLength: 7 }).map(found => found.join(''))
const accepted: Readonly<Record<string, readonly string[]>> = {
  duration: ['1ms', '250ms', '3650d'],
  'duration-or-zero': ['0s', '0ms', '3650d'],
  size: ['1B', '64KiB', '1024GiB'],
  instant: ['2027-03-01', '2028-02-29T23:59:59.123456789Z', '0001-12-31T00:00:00+23:59'],
  address: ['127.0.0.1:8080', '[::1]:0', '[fe80::1%eth0]:65535', 'my_host:1'],
  origin: ['https://mcp.example.com', 'http://[::1]:8080', 'http://a_b:81'],
  host: ['a', '[::1]', '[::ffff:10.0.0.1]:65535', 'gatehouse.internal:8080'],
  'host-name': ['keys.internal', '[::1]', '10.0.0.1'],
  'http-url': [
    'http://127.0.0.1:7878/mcp',
    'https://[2001:DB8::1]/a?b=%20',
    'https://EXAMPLE.com?x',
    'http://a/~!$&()[]',
  ],
  network: ['10.0.0.0/8', '::1', '::ffff:10.0.0.1/128'],
  'endpoint-path': ['/', '/mock/mcp', "/~!$&'()*+,;=:@-"],
  'certificate-fingerprint': [
    'ab'.repeat(32),
    `SHA256 Fingerprint=${'AB:'.repeat(31)}AB`,
    `sha256:${'0f'.repeat(32)}`,
  ],
  'secret-hash': [
    `sha256:${'ab'.repeat(32)}`,
    `hmac-sha256:${'01'.repeat(32)}`,
    `argon2id:$argon2id$v=19$m=19456,t=2,p=1$${'c2FsdHNhbHQ'}$${'A'.repeat(22)}`,
  ],
}
/** Texts that each pattern refuses, so that an editor shows the mistake. */
const refused: Readonly<Record<string, readonly string[]>> = {
  duration: ['5', '5 s', '0s', '1.5h', '5sec'],
  'duration-or-zero': ['5', '00s'],
  size: ['1MB', '1', '0B'],
  instant: ['tomorrow', '2027-13-01', '2027-03-01T25:00:00Z'],
  address: ['8080', ':8080', 'localhost'],
  origin: ['mcp.example.com', 'https://a/', 'HTTPS://a'],
  host: ['*.internal', 'http://a'],
  'host-name': ['keys.internal:443'],
  'http-url': ['ftp://a', '127.0.0.1/mcp', 'http://user:secret@a/', 'http://a/#b'],
  network: ['10.0.0.*', 'localhost'],
  'endpoint-path': ['mock', '/mock/', '/a//b', '/a?b', '/mock/*/%'],
  'certificate-fingerprint': ['ab', 'g'.repeat(64)],
  'secret-hash': ['gate_abc', 'sha256:ab', 'md5:ab'],
}

for (const format of Object.keys(accepted)) {
  t.test(`the pattern of ${format} refuses nothing that the format accepts`, async t => {
    const pattern = new RegExp(patternOf(format), 'u')
    const agrees = (text: string): boolean => whyMalformed(format, text) !== undefined || pattern.test(text)
    for (const text of accepted[format]!) {
      t.equal(whyMalformed(format, text)?.message, undefined, text)
      t.match(text, pattern)
    }
    for (const text of refused[format]!) t.notMatch(text, pattern)
    t.match('${NAME}', pattern, 'the editor does not know the value of a variable')
    const texts = fc.oneof(likely, fc.constantFrom(...accepted[format]!).chain(mutated), fc.string())
    fc.assert(fc.property(texts, agrees), { numRuns: 3000 })
  })
}

/** A text with one piece put in, in place of one character or none. */
function mutated(text: string): fc.Arbitrary<string> {
  return fc
    .tuple(fc.nat(text.length), fc.nat(1), pieces)
    .map(([at, cut, piece]) => text.slice(0, at) + piece + text.slice(at + cut))
}

t.test('every example of the schemas is valid at its place', async t => {
  let examples = 0
  for (const [name, schema] of schemas) {
    const ajv = new Ajv2020({ discriminator: true, strict: false, allErrors: true })
    for (const format of Object.keys(formats)) {
      ajv.addFormat(format, { type: 'string', validate: text => whyMalformed(format, text) === undefined })
    }
    ajv.addSchema(schema, name)
    for (const [place, node] of nodesIn(schema, '')) {
      if (!Array.isArray(node['examples'])) continue
      const validate = ajv.compile({ $ref: `${name}#${place.replaceAll('~', '~0')}` })
      for (const example of node['examples'] as unknown[]) {
        examples++
        if (!validate(example))
          t.fail(`${name}${place}: ${JSON.stringify(example)}`, { errors: validate.errors })
      }
    }
  }
  t.ok(examples > 200, `${examples} examples`)
})

t.test(
  'an item of a list has an example of its own, because the one of the shared type may not fit',
  async t => {
    const shared = /\/(?:Name|Glob)$/
    // Each of these is what the example of the type shows.
    const fitting = new Set(['gateway/$defs/Rules/properties/allow/items'])
    for (const [place, node] of nodesIn(schemas[0]![1], 'gateway')) {
      if (!place.endsWith('/items') || !shared.test(String(node['$ref'])) || fitting.has(place)) continue
      t.ok(Array.isArray(node['examples']), place)
    }
  },
)

/** Opens a text with `|` at the cursor. */
async function openAt(
  server: LanguageServer,
  schema: string,
  text: string,
): Promise<OpenDocument & { at: { line: number; character: number } }> {
  const modeline = `# yaml-language-server: $schema=${join(root, 'schema', schema)}\n`
  const [before = '', after = ''] = text.split('|')
  const lines = (modeline + before).split('\n')
  const path = join(root, `untitled-${String(opened++)}.yaml`)
  const document = await server.open(path, modeline + before + after)
  return { ...document, at: { line: lines.length - 1, character: lines.at(-1)!.length } }
}
let opened = 0

const messages = (document: OpenDocument): string[] => document.diagnostics.map(({ message }) => message)
const proxies = 'proxies: {p: {auth: none, upstream: {url: "http://a/mcp"}}}\n'

async function complete(t: Test, server: LanguageServer, text: string): Promise<string[]> {
  const document = await openAt(server, 'gateway.schema.json', text)
  const found = await document.complete(document.at)
  t.comment(found.join(' '))
  return found
}

t.test('yaml-language-server', { timeout: 300_000 }, async t => {
  const server = await startLanguageServer(t)

  t.test('`type:` completes the kinds of both unions', async t => {
    const kinds = ['api-key', 'jwt', 'oauth', 'mtls']
    for (const text of ['auth:\n  staff:\n    type: |\n', 'auth:\n  staff: {type: |}\n']) {
      t.strictSame(await complete(t, server, `version: 1\n${proxies}${text}`), kinds)
    }
    const upstream =
      'proxies:\n  p:\n    auth: none\n    upstream:\n      url: http://a/mcp\n      auth:\n        type: |\n'
    t.strictSame(await complete(t, server, upstream), ['client-credentials', 'token-exchange'])
    const jwt = await complete(t, server, `${proxies}auth:\n  staff:\n    type: jwt\n    |\n`)
    t.ok(jwt.includes('issuer') && !jwt.includes('scheme'), 'the type decides which fields follow')
  })

  t.test('completion offers examples that fit', async t => {
    t.strictSame(await complete(t, server, 'proxies:\n  p:\n    auth: |\n'), ['["team-keys"]', 'none'])
    const roles = await complete(t, server, `${proxies}keys:\n  ci:\n    roles: [|]\n`)
    t.ok(roles.includes('reader') && !roles.includes('ci-agent'))
  })

  t.test('the hover describes a field, with an example', async t => {
    const text = 'auth:\n  staff:\n    type: jwt\n    issuer: https://idp.example.com\n    clockSk|ew: 5s\n'
    const document = await openAt(server, 'gateway.schema.json', `version: 1\n${proxies}${text}`)
    t.strictSame(messages(document), [])
    t.match(await document.hover(document.at), /Largest difference between the clocks[\s\S]*Example[\s\S]*5s/)
  })

  t.test('a value in the wrong format was not marked', async t => {
    const wrong = [
      ['listen:\n  address: |nonsense\n', /host:port/],
      ['listen:\n  drain: |10 seconds\n', /whole number and/],
      ['proxies:\n  p:\n    auth: none\n    upstream: {url: |ftp://a}\n', /http:\/\//],
      ['auth:\n  staff: {type: |basic}\n', /"api-key", "jwt", "oauth", "mtls"/],
    ] as const
    for (const [text, expected] of wrong) {
      const document = await openAt(
        server,
        'gateway.schema.json',
        `version: 1\n${text.startsWith('proxies') ? '' : proxies}${text}`,
      )
      t.match(messages(document)[0], expected, text)
      t.strictSame(document.diagnostics[0]!.range.start, document.at, 'the mark is at the value')
    }
  })

  t.test('no example is marked', async t => {
    const files = globSync('examples/*/**/*.yaml', {
      cwd: root,
      exclude: ['examples/invalid/**', 'examples/lint/**'],
    })
    t.ok(files.length >= 9, `${files.length} files`)
    for (const file of files) {
      const text = read(file)
      t.match(text, /^# yaml-language-server: \$schema=(\S+)$/m, file)
      const [, schema = ''] = /\$schema=(\S+)/.exec(text)!
      t.ok(
        schemas.some(
          ([name]) => join(root, dirname(file), schema) === join(root, `schema/${name}.schema.json`),
        ),
        file,
      )
      const document = await server.open(join(root, file), text)
      t.strictSame(document.diagnostics, [], file)
    }
  })

  t.test('a file whose proxies are in fragments was marked as incomplete', async t => {
    const text = 'version: 1\ninclude: [teams/*.yaml]\n|'
    t.strictSame(messages(await openAt(server, 'gateway.schema.json', text)), [])
    t.match(messages(await openAt(server, 'gateway.schema.json', 'version: 1\n|')), [/"proxies"/])
  })

  t.test('a fragment needs no version and no proxies, and may hold nothing else', async t => {
    const good = await openAt(
      server,
      'fragment.schema.json',
      'roles:\n  reader: {access: {p: {tools: {allow: ["*"]}}}}\n|',
    )
    t.strictSame(messages(good), [])
    t.strictSame(
      (await good.complete(good.at)).filter(label => label !== 'Fragment'),
      ['auth', 'keys', 'proxies'],
    )
    const bad = await openAt(server, 'fragment.schema.json', '|listen: {address: "127.0.0.1:1"}\n')
    t.match(messages(bad)[0], /listen is not allowed/)
  })
})
