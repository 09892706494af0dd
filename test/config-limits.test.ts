import t from 'tap'
import { formatGithub, formatJson, formatText } from '../gateway/config/report/format.ts'
import { formatSarif } from '../gateway/config/report/sarif.ts'
import { createBudget, nearest } from '../gateway/config/document/suggest.ts'
import { loadText, oneProxy } from './fixtures/configuration.ts'

const hash = (index: number): string => `sha256:${index.toString(16).padStart(64, '0')}`
const many = (count: number, line: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => line(index)).join('')
const key = (index: number, roles: string, more = ''): string =>
  `  key-${index}: {roles: [${roles}], secrets: [{hash: "${hash(index)}"}]${more}}\n`
const roles = 'roles: {a: {access: {}}}\n'
const nearMisses = (count: number): string =>
  `version: 1\nroles:\n${many(count, index => `  some-role-${index}: {access: {}}\n`)}keys:\n${many(
    count,
    index => key(index, `some-rule-${index}x`),
  )}${oneProxy}`

/** Runs a function, and returns how often it called a method. */
function countCalls<Holder extends object>(
  holder: Holder,
  method: keyof Holder & string,
  weigh: (self: unknown) => number,
  run: () => void,
): number {
  const original = holder[method] as (...all: unknown[]) => unknown
  let calls = 0
  holder[method] = function (this: unknown, ...all: unknown[]) {
    calls += weigh(this)
    return original.apply(this, all)
  } as never
  try {
    run()
  } finally {
    holder[method] = original as never
  }
  return calls
}

t.test('a file full of misspelled names does not take quadratic time', async t => {
  // Every comparison converts both names to lower case.
  const small = countCalls(
    String.prototype,
    'toLowerCase',
    () => 1,
    () => void loadText(nearMisses(300)),
  )
  const large = countCalls(
    String.prototype,
    'toLowerCase',
    () => 1,
    () => void loadText(nearMisses(1500)),
  )
  t.ok(large < small * 8, `${small} calls, then ${large}`)
  const { diagnostics, omitted } = loadText(nearMisses(1500))
  t.equal(diagnostics.length, 100)
  t.equal(omitted, 1400)
  t.ok(diagnostics[0]!.suggestion, 'the first ones get a suggestion')
})

t.test('the budget of suggestions counts names and pairs of characters', async t => {
  const budget = { names: 2, pairs: Infinity }
  t.equal(nearest('raeder', ['reader'], budget), 'reader')
  t.equal(nearest('raeder', ['reader'], budget), 'reader')
  t.equal(nearest('raeder', ['reader'], budget), undefined)
  t.equal(nearest('raeder', ['reader'], { names: 1, pairs: 35 }), undefined)
  t.equal(nearest(`${'a'.repeat(300)}b`, ['a'.repeat(300)], createBudget()), undefined, 'long names get none')
})

t.test('schema errors are collected without copying the list for each', async t => {
  const wrong = (count: number): string =>
    `version: 1\n${roles}keys:\n${many(count, index => `  key-${index}: {rols: [a]}\n`)}${oneProxy}`
  const copied = (count: number): number =>
    countCalls(
      Array.prototype,
      'concat',
      self => (self as unknown[]).length,
      () => void loadText(wrong(count)),
    )
  const [few, more] = [copied(100), copied(1000)]
  t.ok(more <= few * 20 + 1000, `${few} items copied, then ${more}`)
})

const floods: [name: string, text: (count: number) => string][] = [
  ['unknown roles', count => `${roles}keys:\n${many(count, index => key(index, `b${index}`))}${oneProxy}`],
  ['unknown fields', count => `${many(count, index => `field${index}: 1\n`)}${oneProxy}`],
  [
    'one hash under many keys',
    count =>
      `${roles}keys:\n${many(count, index => key(index, 'a').replace(hash(index), hash(1)))}${oneProxy}`,
  ],
  [
    'secrets in clear',
    count =>
      `${roles}keys:\n${many(count, index => key(index, 'a').replace(hash(index), `gate_${'x'.repeat(20)}${index}`))}${oneProxy}`,
  ],
  [
    'a key of a map again and again',
    count => `${roles}keys:\n${many(count, index => key(0, 'a', `, owner: o${index}`))}${oneProxy}`,
  ],
  [
    'quotes that are not closed',
    count => `${roles}keys:\n${many(count, index => `  key-${index}: "x\n`)}${oneProxy}`,
  ],
  ['tags', count => `${roles}keys:\n${many(count, index => `  key-${index}: !x {}\n`)}${oneProxy}`],
  [
    'aliases without an anchor',
    count => `${roles}keys:\n${many(count, index => `  key-${index}: *x${index}\n`)}${oneProxy}`,
  ],
  ['tabs', count => `${roles}keys:\n${many(count, index => `\tkey-${index}: x\n`)}${oneProxy}`],
  [
    'variables that are not set',
    count => `${roles}keys:\n${many(count, index => key(index, `"\${V${index}}"`))}${oneProxy}`,
  ],
  ['long names', count => `${many(count, index => `? ${'x'.repeat(20_000)}${index}\n: 1\n`)}${oneProxy}`],
]

t.test('at most a hundred mistakes are reported, and the rest are counted', async t => {
  for (const [name, text] of floods) {
    const result = loadText(`version: 1\n${text(300)}`)
    t.equal(result.loaded, undefined, name)
    t.equal(result.diagnostics.length, 100, name)
    t.ok(result.omitted >= 199, `${name}: ${result.omitted} more`)
    t.ok(JSON.stringify(result.diagnostics).length < 400_000, `${name}: bounded`)
    t.match(
      formatText(result, { cwd: '/config', color: false }),
      `and ${result.omitted} more that are not shown\n`,
    )
  }
})

t.test('a flood of mistakes is counted, not kept, and shows no secret', async t => {
  const text = `version: 1\n${roles}keys:\n${many(3000, index => `  key-${index}: {rols: [a], password: hunter2}\n`)}${oneProxy}`
  const result = loadText(text)
  t.equal(result.diagnostics.length, 100)
  t.ok(result.omitted >= 5900, `${result.omitted}`)
  t.notMatch(formatText(result, { cwd: '/config', color: false }), 'hunter2')
})

t.test('the most severe are reported first, and ignored ones do not count', async t => {
  const warned = many(300, index => key(index, 'a', ', expires: 2001-01-01'))
  const text = `version: 1\n${roles}keys:\n${warned}${key(999, 'unknown')}${oneProxy}`
  const { diagnostics, omitted } = loadText(text)
  t.equal(diagnostics.filter(one => one.severity === 'error').length, 1)
  t.equal(diagnostics.length + omitted, 301)
  const ignored = `version: 1\n${roles}# gatehouse-ignore GH1402: they are kept for the record\nkeys:\n${warned}${oneProxy}`
  const valid = loadText(ignored)
  t.ok(valid.loaded)
  t.same([valid.diagnostics.filter(one => one.code === 'GH1402'), valid.omitted], [[], 0])
})

t.test('every format says how many are omitted', async t => {
  const result = loadText(nearMisses(150))
  const where = { cwd: '/config' }
  t.equal((JSON.parse(formatJson(result, where)) as { omitted: number }).omitted, 50)
  t.match(formatGithub(result, where), '::notice::50 more diagnostics are not shown\n')
  t.match(JSON.parse(formatSarif(result, where)), { runs: [{ properties: { omitted: 50 } }] })
  t.notMatch(formatJson(loadText(nearMisses(3)), where), 'omitted')
})
