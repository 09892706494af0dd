import fc from 'fast-check'
import t, { type Test } from 'tap'
import { parse } from 'yaml'
import { EditError, editText, type Change } from '../gateway/config/edit/edit.ts'
import { load } from '../gateway/config/load.ts'

const rest = `version: 1
auth: {team: {type: api-key}}
roles: {reader: {access: {m: {tools: {allow: ["*"]}}}}}
proxies: {m: {auth: [team], upstream: {url: "http://127.0.0.1:1/mcp"}}}
`
const hash = (digit: number) => `sha256:${digit.toString(16).padStart(64, '0')}`
const added = { roles: ['reader'], secrets: [{ hash: hash(0xfff) }] }
const newKey: Change = { set: ['keys', 'new'], to: added }

/** What the loader makes of a text. */
function configOf(t: Test, text: string): Record<string, { secrets: object[] }> {
  const readFile = () => Buffer.from(text)
  const { loaded, diagnostics } = load('/gateway.yaml', { env: {}, now: new Date(0), readFile })
  if (loaded === undefined) t.fail('the text is valid', { diagnostics, text })
  return loaded!.config.keys
}

const block = `new:
  roles: [reader]
  secrets:
    - hash: "${hash(0xfff)}"`
const flow = `new: {roles: [reader], secrets: [{hash: "${hash(0xfff)}"}]}`
const a = `{roles: [reader], secrets: [{hash: "${hash(1)}"}]}`
const lines = (text: string, column: number): string => text.replaceAll(/^/gm, ' '.repeat(column))

// Each text with what becomes of it. `@` stands for the rest of the file, `{a}` for the value of another key.
const layouts: Record<string, [before: string, after: string]> = {
  'no keys at all': ['@', `@keys:\n${lines(block, 2)}\n`],
  'no keys, and comments at the end': ['@\n# end\n', `@keys:\n${lines(block, 2)}\n\n# end\n`],
  'a key without a value': ['keys: # none yet\n@', `keys: # none yet\n${lines(block, 2)}\n@`],
  'a key without a value, and comments below': [
    'keys:\n  # here\n@',
    `keys:\n  # here\n${lines(block, 2)}\n@`,
  ],
  null: ['keys: ~ # none\n@', `keys: # none\n${lines(block, 2)}\n@`],
  'an empty map': ['@keys: { } # none', `@keys: # none\n${lines(block, 2)}`],
  'a block map': ['keys:\n  a: {a}\n@', `keys:\n  a: {a}\n${lines(block, 2)}\n@`],
  'a block map at the end': ['@keys:\n  a: {a}\n', `@keys:\n  a: {a}\n${lines(block, 2)}\n`],
  'no line break at the end': ['@keys:\n  a: {a}', `@keys:\n  a: {a}\n${lines(block, 2)}`],
  'spaces at the end': ['@keys:\n  a: {a}  ', `@keys:\n  a: {a}  \n${lines(block, 2)}`],
  'a block map by one': ['keys:\n a: {a}\n@', `keys:\n a: {a}\n${lines(block.replaceAll('  ', ' '), 1)}\n@`],
  'entries apart': [
    'keys:\n  a: {a}\n\n  b: {b}\n\n\n@',
    `keys:\n  a: {a}\n\n  b: {b}\n\n${lines(block, 2)}\n\n\n@`,
  ],
  'comments of the map': [
    'keys:\n  a: {a}\n    # a\n\n  # b: old\n\n# c\n@',
    `keys:\n  a: {a}\n    # a\n\n  # b: old\n${lines(block, 2)}\n\n# c\n@`,
  ],
  'a comment on the last line': ['keys:\n  a: {a} # ann\n@', `keys:\n  a: {a} # ann\n${lines(block, 2)}\n@`],
  'Windows line breaks': [
    'keys:\r\n  a: {a}\r\n@',
    `keys:\r\n  a: {a}\r\n${lines(block, 2).replaceAll('\n', '\r\n')}\r\n@`,
  ],
  'a byte order mark': ['\ufeffkeys:\n  a: {a}\n@', `\ufeffkeys:\n  a: {a}\n${lines(block, 2)}\n@`],
  'marks of the document': ['---\n@...\n', `---\n@keys:\n${lines(block, 2)}\n...\n`],
  'a flow map': ['keys: {a: {a}} # one\n@', `keys: {a: {a}, ${flow}} # one\n@`],
  'a flow map with room': ['keys: { a: {a} }\n@', `keys: { a: {a}, ${flow} }\n@`],
  'a flow map with a comma': ['keys: {a: {a},}\n@', `keys: {a: {a}, ${flow},}\n@`],
  'a flow map over lines': [
    'keys: {\n  a: {a} # ann\n  # b\n  }\n@',
    `keys: {\n  a: {a}, # ann\n  # b\n  ${flow}\n  }\n@`,
  ],
  'a flow map over lines, with a comma': [
    'keys: {\n  a: {a}, # ann\n  }\n@',
    `keys: {\n  a: {a}, # ann\n  ${flow},\n  }\n@`,
  ],
  'a flow map that ends on its last line': [
    'keys:\n  {\n    a: {a} }\n@',
    `keys:\n  {\n    a: {a},\n    ${flow} }\n@`,
  ],
  'an empty flow map with a comment': ['keys: {\n  # none\n  }\n@', `keys: {\n  # none\n    ${flow}\n  }\n@`],
}

function fill(text: string): string {
  return text
    .replace('@', () => rest)
    .replace('{a}', a)
    .replace('{b}', a.replace(hash(1), hash(2)))
}

for (const [name, [before, after]] of Object.entries(layouts)) {
  t.test(`a new entry: ${name}`, async t => {
    const edited = editText(fill(before), [newKey])
    t.equal(edited, fill(after))
    t.same(configOf(t, edited)['new']?.secrets, added.secrets)
  })
}

t.test('a file in JSON stays JSON', async t => {
  const json = {
    version: 1,
    auth: { k: { type: 'api-key' } },
    roles: {},
    proxies: {},
    keys: { a: { roles: [] } },
  }
  for (const keys of [{ a: { roles: [] } }, {}]) {
    for (const text of [JSON.stringify({ ...json, keys }), JSON.stringify({ ...json, keys }, null, 4)]) {
      t.same(JSON.parse(editText(text, [newKey])), { ...json, keys: { ...keys, new: added } })
    }
  }
})

t.test('values are quoted where some reader would take them for something else', async t => {
  const others = [
    'no',
    'null',
    '1',
    '1e3',
    '0x1f',
    'a: b',
    'a #b',
    '',
    ' a',
    'a ',
    '- a',
    '&a',
    '"',
    '\u0085\u2028\t',
    '{}',
    '.5',
  ]
  const plain = ['2027-03-01', '2027-03-01T00:00:00Z', 'ann@example.com', 'ci-agent', 'Two words']
  for (const keys of ['{a: 1}', '\n  a: 1']) {
    for (const text of [...others, ...plain, '漢字', "it's"]) {
      const edited = editText(`keys: ${keys}\n`, [{ set: ['keys', 'b'], to: text }])
      t.same(parse(edited), { keys: { a: 1, b: text } }, edited)
      if (others.includes(text)) t.match(edited, /b: "/)
      if (plain.includes(text)) t.match(edited, `b: ${text}`)
    }
  }
})

const rotation: Change[] = [
  { append: ['keys', 'a', 'secrets'], item: { hash: 'c' } },
  { set: ['keys', 'a', 'secrets', 1, 'expires'], to: '2027-01-01' },
  { remove: ['keys', 'a', 'secrets', 0] },
  { set: ['keys', 'a', 'disabled'], to: true },
]
const lists: Record<string, [before: string, after: string]> = {
  block: [
    'keys:\n  a:\n    secrets:\n      # first\n      - hash: x\n        expires: 2020-01-01 # over\n        # deep\n      # second\n      - hash: y # why\n    disabled: false # not yet\n  b: 1\n',
    'keys:\n  a:\n    secrets:\n      # first\n      # second\n      - hash: y # why\n        expires: 2027-01-01\n      - hash: c\n    disabled: true # not yet\n  b: 1\n',
  ],
  'block, not indented': [
    'keys:\n  a:\n    secrets:\n    -   hash: x\n    -   hash: y\n    # owner\n    owner: o\n',
    'keys:\n  a:\n    secrets:\n    -   hash: y\n        expires: 2027-01-01\n    - hash: c\n    # owner\n    owner: o\n    disabled: true\n',
  ],
  'flow maps in a block': [
    'keys:\n  a:\n    secrets:\n      - {hash: x}\n      - {hash: y, expires: 2030-01-01}\n',
    'keys:\n  a:\n    secrets:\n      - {hash: y, expires: 2027-01-01}\n      - {hash: c}\n    disabled: true\n',
  ],
  flow: [
    'keys: {a: {secrets: [{hash: x}, {hash: y}]}}',
    'keys: {a: {secrets: [{hash: y, expires: 2027-01-01}, {hash: c}], disabled: true}}',
  ],
  'flow over lines': [
    'keys:\n  a:\n    secrets: [\n      {hash: x}, # first\n      {hash: y}  # second\n    ]\n    disabled: # hm\n',
    'keys:\n  a:\n    secrets: [\n      {hash: y, expires: 2027-01-01},  # second\n      {hash: c}\n    ]\n    disabled: true # hm\n',
  ],
}
for (const [name, [before, after]] of Object.entries(lists)) {
  t.test(`a rotated list: ${name}`, async t => t.equal(editText(before, rotation), after))
}

t.test('what cannot be changed alone is not changed', async t => {
  const texts = [
    'x: &x\n  a: {secrets: []}\nkeys: *x\n',
    'keys: &x\n  a: {secrets: [{hash: x}]}\ny: *x\n',
    'keys: [a]\n',
    'keys: text\n',
    '- a\n',
    'keys: {',
    'x: &x {}\nkeys: *x\n',
    'keys: &x {}\nx: *x\n',
  ]
  for (const text of texts) t.throws(() => editText(text, [newKey]), EditError, text)
  t.throws(() => editText('a: [1]', [{ remove: ['a', 0] }]), EditError)
  t.throws(() => editText('a: {}', [{ append: ['a'], item: 'x' }]), EditError)
  t.throws(() => editText('a: |\n  x\n', [{ set: ['a'], to: 'x' }]), EditError)
})

const noise = fc.array(
  fc.oneof(
    fc.constant(''),
    fc
      .tuple(fc.nat(9), fc.constantFrom('# note', '#', '# {a: [', '# - "x', '#\ttab', '# 漢字 🎉 }'))
      .map(([column, text]) => ' '.repeat(column) + text),
  ),
  { maxLength: 3 },
)
const entry = fc.record({
  flow: fc.boolean(),
  comment: fc.constantFrom('', ' # end', '  #'),
  description: fc.constantFrom('x', '"a: b"', "'it''s'", '|\n$$$text\n$$$ more', '>-\n$$$folded\n\n$$$text'),
  noise: fc.array(noise, { minLength: 5, maxLength: 5 }),
  dashes: fc.nat(2),
})
const layout = fc.record({
  entries: fc.array(entry, { maxLength: 4 }),
  braces: fc.boolean(),
  comma: fc.boolean(),
  column: fc.integer({ min: 1, max: 5 }),
  step: fc.integer({ min: 2, max: 4 }),
  first: fc.boolean(),
  above: noise,
  below: noise,
  newline: fc.constantFrom('\n', '\r\n'),
  finished: fc.boolean(),
})
type Layout = typeof layout extends fc.Arbitrary<infer Value> ? Value : never

function write(layout: Layout): string {
  const { entries, braces, comma, column, first, above, below, newline, finished } = layout
  const pad = ' '.repeat(column)
  const inner = entries.flatMap((entry, index) => {
    const separator = braces && (comma || index < entries.length - 1) ? ',' : ''
    return [...entry.noise[0]!, ...entryLines(layout, index, separator).map(line => pad + line)]
  })
  const closed = braces && entries.length > 0
  const head = entries.length === 0 ? 'keys: {}' : closed ? 'keys: {' : 'keys:'
  const keys = [...above, head, ...inner, ...(closed ? [`${pad}}`] : []), ...below].join('\n')
  const text = first ? `${keys}\n${rest}` : `${rest}${keys}${finished ? '\n' : ''}`
  return text.replaceAll('\n', newline)
}

function entryLines({ entries, braces, step }: Layout, index: number, separator: string): string[] {
  const { flow, comment, description, noise, dashes } = entries[index]!
  const secret = `hash: "${hash(index + 1)}"`
  if (flow || braces) return [`k${index}: {roles: [reader], secrets: [{${secret}}]}${separator}${comment}`]
  const deep = ' '.repeat(step)
  // Far to the right, so that it is text whatever the column.
  const text = description.replaceAll('$$$', ' '.repeat(step + 6))
  return [
    `k${index}:${comment}`,
    ...noise[1]!,
    `${deep}roles: [reader]${comment}`,
    ...noise[2]!,
    `${deep}secrets:${comment}`,
    ...noise[3]!,
    `${deep}${' '.repeat(dashes)}- ${secret}${comment}`,
    ...noise[4]!,
    `${deep}description: ${text}`,
  ]
}

/** Whether `after` is `before` with one piece of text put in. */
function isInsertion(before: string, after: string): boolean {
  let [head, tail] = [0, 0]
  while (head < before.length && before[head] === after[head]) head += 1
  while (tail < before.length && before.at(-1 - tail) === after.at(-1 - tail)) tail += 1
  return head + tail >= before.length && after.length > before.length
}

function comments(text: string): string {
  return (text.match(/#.*/g) ?? []).join('\n')
}

t.test('whatever the layout, nothing but the new entry is new', async t => {
  const property = fc.property(layout, layout => {
    const after = editText(write(layout), [newKey])
    const expected = { ...configOf(t, write(layout)), new: { ...added, disabled: false } }
    // The separator of a flow map, and the `{}` that gives way to lines, are beside the entry itself.
    const before = write({ ...layout, comma: true }).replace('keys: {}', 'keys:')
    return JSON.stringify(configOf(t, after)) === JSON.stringify(expected) && isInsertion(before, after)
  })
  fc.assert(property, { numRuns: 300 })
})

t.test('whatever the layout, rotating and revoking keep every comment', async t => {
  const property = fc.property(layout, layout => {
    const before = write(layout)
    const changes = layout.entries.flatMap((_, index): Change[] => [
      { append: ['keys', `k${index}`, 'secrets'], item: { hash: hash(index + 256) } },
      { set: ['keys', `k${index}`, 'secrets', 0, 'expires'], to: '2027-01-01T00:00:00Z' },
      { set: ['keys', `k${index}`, 'disabled'], to: true },
    ])
    const after = editText(before, changes)
    const keys = Object.values(configOf(t, after))
    return comments(before) === comments(after) && keys.every(({ secrets }) => secrets.length === 2)
  })
  fc.assert(property, { numRuns: 200 })
})
