import crypto from 'node:crypto'
import { globSync, readFileSync } from 'node:fs'
import { dirname, relative } from 'node:path'
import t from 'tap'
import { diagnosticCodes, severityOf } from '../gateway/config/document/diagnostics.ts'
import { load } from '../gateway/config/load.ts'
import { parseWithoutHints } from '../gateway/config/schema/editor-hints.ts'
import { patternHelp } from '../gateway/config/schema/pattern-help.ts'
import { hasExplanation } from '../gateway/config/schema/schema-errors.ts'
import { found, loadText, loadTexts, oneProxy, today } from './fixtures/configuration.ts'

const root = dirname(import.meta.dirname)
const hash = 'sha256:b3c1f0a7d94e62585e0c7a31f6d8294bc05e9f7713ad48e6029b5cd1f4a86e37'
/** Codes that the examples produce. Other tests produce the two here: they need a reload, and symbolic links. */
const seen = new Set<string>(['GH1318', 'GH1028'])

t.test('every example has exactly the diagnostics on its first line', async t => {
  const files = globSync(['invalid/*.yaml', 'invalid/*/gateway.yaml', 'lint/*.yaml', 'lint/*/gateway.yaml'], {
    cwd: `${root}/examples`,
  })
  t.ok(files.length >= 85)
  for (const file of files.toSorted()) {
    t.test(file, async t => {
      const path = `${root}/examples/${file}`
      const [first = '', second = ''] = readFileSync(path, 'utf8').split('\n')
      const review = file.startsWith('lint/') ? { review: 'lint' as const } : {}
      const { diagnostics, loaded } = load(path, { env: {}, now: today, ...review })
      const got = diagnostics.map(({ file, line, column, code }) => {
        const where = path.endsWith('/gateway.yaml') ? `${relative(dirname(path), file)}:` : ''
        return `${where}${line}:${column} ${code}`
      })
      for (const { code } of diagnostics) seen.add(code)
      t.strictSame(got.toSorted(), first.slice(2).split(' | ').toSorted())
      t.match(second, /^# .+\.$/, 'the second line says what the author did')
      for (const { code, message, help } of diagnostics) {
        t.notMatch(message, /;|\.$/, `${code} says in one clause what is wrong`)
        t.match(help, /^[`a-z].*[^.]$/, `${code} says what to do`)
      }
      const errors = diagnostics.some(one => severityOf(one.code) === 'error')
      t.equal(loaded === undefined, errors, 'it loads if nothing is an error')
    })
  }
})

t.test('mistakes that a text file cannot show are reported too', async t => {
  const cases: [string, string | Buffer, string[]][] = [
    ['Latin-1', Buffer.from('version: 1 # \xfc\n', 'latin1'), ['1:14 GH1003']],
    ['UTF-16', Buffer.from('\ufeffversion: 1\n', 'utf16le'), ['1:1 GH1003']],
    ['a control character', 'version: 1\n# \u0007\n', ['2:3 GH1003']],
    ['more than 16 MiB', Buffer.alloc(16 * 2 ** 20 + 1, '#'), ['1:1 GH1002']],
    ['nothing', '', ['1:1 GH1012']],
    ['a byte order mark', `\ufeffversion: 2\n${oneProxy}`, ['1:10 GH1209']],
    ['DOS line ends', `version: 1\r\nlisten:\r\n  adress: x\r\n${oneProxy}`, ['3:3 GH1201']],
    ['brackets without end', `a: ${'['.repeat(5000)}`, ['1:808 GH1008']],
    ['nesting beyond use', `${'['.repeat(200)}${']'.repeat(200)}`, ['1:66 GH1008', '1:1 GH1203']],
  ]
  for (const [name, text, expected] of cases) {
    const result = loadText(text)
    for (const { code } of result.diagnostics) seen.add(code)
    if (name === 'brackets without end') t.match(found(result), [/^1:\d+ GH1008$/], name)
    else t.strictSame(found(result).toSorted(), expected.toSorted(), name)
  }
  const gone = loadTexts({})
  t.strictSame(found(gone), ['1:1 GH1001'])
  seen.add('GH1001')
})

function expiring(expires: string): string {
  return `version: 1
roles: {reader: {access: {}}}
keys: {ci: {roles: [reader], expires: ${expires}, secrets: [{hash: "${hash}"}]}}
${oneProxy}`
}

t.test('a key that expires soon is a warning, and the configuration is valid', async t => {
  const soon = loadText(expiring('2026-12-07'))
  t.strictSame(found(soon), ['3:39 GH1401'])
  t.ok(soon.loaded)
  seen.add('GH1401')
  t.strictSame(found(loadText(expiring('2026-12-07T00:00:01Z'))), [])
  t.strictSame(found(loadText(expiring('2026-11-23'))), ['3:39 GH1402'])
  t.strictSame(
    found(loadText(expiring('2026-11-23').replace('roles: [reader]', 'roles: [reader], disabled: true'))),
    [],
  )
})

t.test('an `argon2id:` hash on a Node without Argon2 is an error at its place', async t => {
  const { argon2Sync } = crypto
  t.teardown(() => Object.assign(crypto, { argon2Sync }))
  const slow =
    'argon2id:$argon2id$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$rk2Mi3E4dgRMg0fHaYaptWVZRKqs//6b6k3/nntqGJk'
  const text = expiring('2999-01-01')
  t.ok(loadText(text.replace(hash, () => slow)).loaded)
  const unsupported = (): never => {
    throw new Error('Argon2 algorithm not supported')
  }
  for (const instead of [undefined, unsupported]) {
    Object.assign(crypto, { argon2Sync: instead })
    t.strictSame(found(loadText(text.replace(hash, () => slow))), ['3:68 GH1346'])
    t.ok(loadText(text).loaded)
  }
  seen.add('GH1346')
})

t.test('docs/diagnostics.md and the table in the code agree, and every code was seen above', async t => {
  const rows = readFileSync(`${root}/docs/diagnostics.md`, 'utf8')
    .split('\n')
    .filter(line => line.startsWith('| GH'))
    .map(line => line.split(' | '))
  const documented = rows.map(([code = '', name, summary]) => [code.replace('| ', ''), { name, summary }])
  t.strictSame(documented, Object.entries(diagnosticCodes))
  t.ok(
    rows.every(cells => cells.length === 4 && cells[3]!.length > 10),
    'each says how to mend it',
  )
  t.strictSame(
    Object.keys(diagnosticCodes).filter(code => !seen.has(code)),
    [],
  )
})

t.test('positions', async t => {
  const cases: [string, string, string[]][] = [
    [
      'in flow style over several lines',
      `proxies: {\n  mock: {auth: none,\n   upsteam: {url: x}}}\nversion: 1\n`,
      ['3:4 GH1201'],
    ],
    [
      'in a quoted value with escapes',
      `version: 1\nlisten: {"\\x61ddress": 'x'}\n${oneProxy}`,
      ['2:24 GH1205'],
    ],
    [
      'in a folded value',
      `version: 1\nlisten:\n  publicUrl: >-\n    https://a/\n    b\n${oneProxy}`,
      ['3:14 GH1205'],
    ],
    [
      'of a mistake behind an anchor',
      `version: 1\nproxies:\n  a: {auth: none, upstream: &u {url: nope}}\n  b: {auth: none, upstream: *u}\n`,
      ['3:38 GH1205'],
    ],
    [
      'of an alias that stands for the wrong thing',
      `version: 1\nproxies:\n  a: {auth: none, upstream: &u {url: "http://x/mcp"}}\n  b: {auth: *u, upstream: *u}\n`,
      ['4:13 GH1203'],
    ],
    [
      'of an anchor that is set twice',
      `version: 1\nproxies:\n  a: {auth: none, maxBody: &x 1MiB, upstream: &u {url: "http://x/mcp"}}\n  b: {auth: none, maxBody: &x lots, upstream: *u}\n  c: {auth: none, maxBody: *x, upstream: *u}\n`,
      ['4:31 GH1205', '5:28 GH1205'],
    ],
    ['of an item that is empty', `version: 1\nlisten:\n  allowedHosts:\n    -\n${oneProxy}`, ['4:6 GH1203']],
    ['of a value that is empty', `version: 1\nlisten:\n${oneProxy}`, ['2:1 GH1203']],
  ]
  for (const [name, text, expected] of cases) t.strictSame(found(loadText(text)), expected, name)
})

function suggestions(text: string): (string | undefined)[] {
  return loadText(text).diagnostics.map(one => one.suggestion)
}

t.test('a misspelled name has a suggestion', async t => {
  t.strictSame(suggestions(`verson: 1\n${oneProxy}`), ['version'])
  t.strictSame(suggestions(`version: 1\nauth: {a: {type: api-kye, in: x}}\n${oneProxy}`), ['api-key'])
  t.strictSame(suggestions(`version: 1\nroles: {r: {access: {mokc: {}}}}\n${oneProxy}`), ['mock'])
  const words = loadText(`version: 1\n${oneProxy.replace('none', 'nobody')}`).diagnostics[0]
  t.match(words, { message: 'nobody', help: /list.*none/ })
})

t.test('a diagnostic names related places', async t => {
  const { diagnostics } = loadText(`version: 1\nversion: 1\n${oneProxy}`)
  t.match(diagnostics, [{ line: 2, related: [{ file: '/config/gateway.yaml', line: 1, column: 1 }] }])
})

t.test('names from JavaScript are ordinary names', async t => {
  const text = `version: 1
roles: {constructor: {access: {"*": {}}}}
keys: {toString: {roles: [constructor, valueOf], secrets: [{hash: "${hash}"}]}}
${oneProxy}`
  t.strictSame(found(loadText(text)), ['3:40 GH1301'])
  t.equal(({} as Record<string, unknown>)['access'], undefined)
  const objects = `version: 1\nlisten: {allowedHosts: [{valueOf: 1}, {valueOf: 1}]}\n${oneProxy}`
  t.strictSame(found(loadText(objects)), ['2:25 GH1203', '2:39 GH1203'])
})

t.test('an alias bomb is refused before it expands', async t => {
  const levels = Array.from(
    { length: 40 },
    (_, level) => `a${level + 1}: &a${level + 1} [${Array(9).fill(`*a${level}`).join()}]`,
  )
  const text = `version: 1\na0: &a0 [x]\n${levels.join('\n')}\n${oneProxy}`
  const codes = loadText(text).diagnostics.map(one => one.code)
  t.equal(codes.filter(code => code === 'GH1008').length, 1)
  t.ok(codes.every(code => code === 'GH1008' || code === 'GH1201'))
})

/** Keywords that never fail by themselves. */
const annotations = new Set(
  '$schema $id $defs $ref title description default examples properties items x-in-fragments'.split(' '),
)

/** Returns the keywords of a schema that can fail, and the patterns, each with its places. */
function keywordsOf(node: object, place: string, found: Map<string, string>): Map<string, string> {
  for (const [keyword, value] of Object.entries(node) as [string, unknown][]) {
    if (!annotations.has(keyword))
      found.set(keyword === 'pattern' ? `pattern ${String(value)}` : keyword, place)
    const inner: [string, unknown][] =
      keyword === 'properties' || keyword === '$defs' ? Object.entries(value as object) : []
    if (keyword === 'items' || keyword === 'additionalProperties') inner.push([keyword, value])
    if (keyword === 'oneOf') inner.push(...Object.entries(value as object))
    // Errors within `propertyNames` are reported as one of `propertyNames` itself.
    for (const [name, child] of inner)
      if (typeof child === 'object' && child !== null) keywordsOf(child, `${place}/${name}`, found)
  }
  return found
}

t.test('every keyword that the schemas use has an explanation, and every pattern has a help', async t => {
  for (const file of ['gateway', 'revocations']) {
    const schema = parseWithoutHints(readFileSync(`${root}/schema/${file}.schema.json`, 'utf8'))
    for (const [keyword, place] of keywordsOf(schema, file, new Map())) {
      const [name = '', ...pattern] = keyword.split(' ')
      t.ok(hasExplanation(name), `${name} at ${place}`)
      if (name === 'pattern') t.ok(Object.hasOwn(patternHelp, pattern.join(' ')), `${keyword} at ${place}`)
    }
  }
})

t.test('a wrong number says which numbers are allowed', async t => {
  for (const connections of ['0', '1000001', '2.5', 'many']) {
    const { diagnostics } = loadText(`version: 1\nlisten: {maxConnections: ${connections}}\n${oneProxy}`)
    t.match(
      diagnostics,
      [{ code: 'GH1203', help: /^write a whole number from 1 to 1000000, such as/ }],
      connections,
    )
  }
})

t.test('a wrong number of workers suggested something other than a number', async t => {
  for (const workers of ['0', '65', '2.5', '"4"', 'Auto', '', '[2]']) {
    const { diagnostics } = loadText(`version: 1\nworkers: ${workers}\n${oneProxy}`)
    t.match(
      diagnostics,
      [{ code: 'GH1203', help: /a whole number from 1 to 64, or the word `auto`$/ }],
      workers,
    )
  }
})
