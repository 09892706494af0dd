import fc from 'fast-check'
import t from 'tap'
import { classesOf } from '../gateway/access/analysis/classes.ts'
import { isAccessReduced } from '../gateway/access/analysis/access-reduced.ts'
import { compareAccess } from '../gateway/access/analysis/compare-access.ts'
import { grantedName } from '../gateway/access/analysis/granted.ts'
import { decoded } from '../gateway/access/percent-encoding.ts'
import { compileAccess, type ProxyAccess } from '../gateway/access/rules.ts'
import { decide } from '../gateway/access/decide.ts'
import { anonymous } from '../gateway/auth/principal.ts'
import { matchGlob, parseGlob } from '../gateway/values/glob.ts'

const seed = 20_261_128
const globs = (...patterns: string[]) => patterns.map(parseGlob)
const bitsOf = (lists: readonly ReturnType<typeof globs>[], name: string): bigint =>
  lists.reduce(
    (bits, list, index) => (list.some(glob => matchGlob(glob, name)) ? bits | (1n << BigInt(index)) : bits),
    0n,
  )

t.test('the classes of a few lists, with a shortest witness', async t => {
  const rows: [lists: string[][], classes: Record<number, string>][] = [
    [[[]], { 0: 'x' }],
    [[['*']], { 1: 'x' }],
    [[['get_*']], { 0: 'x', 1: 'get_' }],
    [[['x*']], { 0: 'y', 1: 'x' }],
    [[['?*'], ['*?']], { 3: 'x' }],
    [[['get_*'], ['get_?*', 'get_']], { 0: 'x', 3: 'get_' }],
    [[['get_secret*'], ['get_*']], { 0: 'x', 2: 'get_', 3: 'get_secret' }],
    [[['a\\*b'], ['a*b']], { 0: 'x', 2: 'ab', 3: 'a*b' }],
    [[['😀?']], { 0: 'x', 1: '😀x' }],
    [[['??']], { 0: 'x', 1: 'xx' }],
  ]
  for (const [lists, classes] of rows) {
    const found = classesOf(lists.map(list => globs(...list)))!
    const byLists = Object.fromEntries(found.map(({ lists, witness }) => [lists, witness]))
    t.strictSame(byLists, classes, JSON.stringify(lists))
  }
})

/** Patterns over few letters, so that they often overlap. */
const pattern = fc
  .array(fc.constantFrom('a', 'b', '_', '*', '?', '\\*'), { minLength: 1, maxLength: 6 })
  .map(tokens => tokens.join('').replaceAll(/(?<!\\)\*+(?:\*)/g, '*'))
  .filter(text => {
    try {
      return parseGlob(text) !== undefined
    } catch {
      return false
    }
  })
const list = fc.array(pattern, { maxLength: 3 })

/** Every name of up to four of the letters that patterns write, and one more. */
const shortNames: string[] = []
for (let level = [''], length = 1; length <= 4; length++) {
  level = level.flatMap(name => [...'ab_*x'].map(letter => name + letter))
  shortNames.push(...level)
}

t.test('each witness is in its class, and no combination of lists is missing', async t => {
  const lists = fc.array(list, { minLength: 1, maxLength: 5 }).map(all => all.map(one => globs(...one)))
  let combinations = 0
  fc.assert(
    fc.property(lists, lists => {
      const classes = classesOf(lists)!
      combinations += classes.length
      const known = new Set(classes.map(one => one.lists))
      for (const { lists: bits, witness } of classes) {
        if (bitsOf(lists, witness) !== bits) return false
        // A shortest one: no shorter name of the same class exists.
        for (const name of shortNames)
          if ([...name].length < [...witness].length && bitsOf(lists, name) === bits) return false
      }
      return shortNames.every(name => known.has(bitsOf(lists, name)))
    }),
    { seed, numRuns: 400 },
  )
  t.ok(combinations > 1000, `${combinations} classes`)
})

const rules = fc.record({ allow: fc.option(list, { nil: undefined }), deny: list })
const side = fc.record({ ceiling: rules, roles: fc.array(rules, { minLength: 0, maxLength: 3 }) })
type Rules = { readonly allow?: readonly string[] | undefined; readonly deny: readonly string[] }

function heldAccess(
  kind: 'tools' | 'prompts' | 'resources' | 'methods',
  ceiling: Rules,
  roles: readonly Rules[],
) {
  const clean = ({ allow, deny }: Rules) => ({ ...(allow && { allow: [...allow] }), deny: [...deny] })
  const names = roles.map((_, index) => `r${index}`)
  const proxy: ProxyAccess = compileAccess(
    'p',
    { auth: ['k'], [kind]: clean(ceiling) } as never,
    Object.fromEntries(
      roles.map((rule, index) => [`r${index}`, { access: { p: { [kind]: clean(rule) } } }]),
    ) as never,
  )
  return { proxy, roles: names }
}

t.test('a comparison reports a gain or a loss exactly where the decisions differ', async t => {
  let names = 0
  for (const [kinds, kind] of [
    ['tools', 'tool'],
    ['prompts', 'prompt'],
    ['methods', 'method'],
  ] as const) {
    fc.assert(
      fc.property(side, side, (one, other) => {
        const before = heldAccess(kinds, one.ceiling, one.roles)
        const after = heldAccess(kinds, other.ceiling, other.roles)
        const { gained, lost } = compareAccess(before, after, kind)!
        const allows = (held: typeof before, name: string) =>
          decide(
            held.proxy,
            { ...anonymous, roles: held.roles },
            kind === 'method' ? { method: name, kind: 'other' } : { method: '', kind, name },
          ).allow
        for (const { witness } of gained) if (allows(before, witness) || !allows(after, witness)) return false
        for (const { witness } of lost) if (!allows(before, witness) || allows(after, witness)) return false
        for (const name of shortNames) {
          names++
          const [was, is] = [allows(before, name), allows(after, name)]
          if (is && !was && gained.length === 0) return false
          if (was && !is && lost.length === 0) return false
        }
        return true
      }),
      { seed, numRuns: 150 },
    )
  }
  t.ok(names >= 300_000, `${names} names`)
})

t.test('a walk over its limit is undecided, never no difference', async t => {
  const nasty = [`*a${'?'.repeat(10)}b`]
  t.equal(classesOf([globs(...nasty)], 10_000), undefined)
  const before = heldAccess('tools', { allow: ['*'], deny: nasty }, [{ allow: ['*'], deny: [] }])
  t.equal(compareAccess(before, before, 'tool', 10_000), undefined)
  t.strictSame(compareAccess(before, before, 'tool'), { gained: [], lost: [] })
})

t.test('long lists take few steps', async t => {
  const exact = Array.from({ length: 3000 }, (_, index) => `tool_${index}`)
  const many = globs(...exact)
  t.strictSame(
    classesOf([many, [...many, ...globs('delete_all')]], 3_000_000)
      ?.map(({ witness }) => witness)
      .toSorted(),
    ['delete_all', 'tool_0', 'x'],
  )
  const prefixes = globs(...exact.slice(0, 100).map(name => `${name}_*`))
  const suffixes = exact.slice(0, 100).map(name => `*_${name}`)
  const found = classesOf([prefixes, globs(...suffixes), globs(...suffixes.slice(1))], 3_000_000)!
  t.ok(found.some(({ lists, witness }) => lists === 3n && witness === 'tool_0_tool_0'))
})

t.test('a stream that depends on resources continues only if no URI can be lost', async t => {
  const rows: [before: string[], after: string[], reduced: boolean][] = [
    [['file:///a', 'file:///*'], ['file:///*'], false],
    [['file:///*'], ['file:///a*'], true],
    [['db://t/rows\\?user=bob*', 'db://t/*'], ['db://t/*'], true],
  ]
  for (const [before, after, reduced] of rows) {
    const of = (allow: string[]) => heldAccess('resources', { deny: [] }, [{ allow, deny: [] }])
    const [was, is] = [of(before), of(after)]
    t.equal(isAccessReduced(was.proxy, was, is.proxy, is), reduced, `${before} -> ${after}`)
  }
})

t.test('a stream continues if other patterns allow the same names', async t => {
  const rows: [before: string[], after: string[], reduced: boolean][] = [
    [['get_*'], ['get_?*', 'get_'], false],
    [['get_a', 'get_b'], ['get_?'], false],
    [['get_a', 'get_*'], ['get_*'], false],
    [['?*'], ['*?'], false],
    [['get_?'], ['get_a', 'get_b'], true],
    [['*'], ['get_*', 'list_*'], true],
  ]
  for (const [before, after, reduced] of rows) {
    for (const kind of ['tools', 'prompts', 'methods'] as const) {
      const of = (allow: string[]) => heldAccess(kind, { deny: [] }, [{ allow, deny: [] }])
      const [was, is] = [of(before), of(after)]
      t.equal(isAccessReduced(was.proxy, was, is.proxy, is), reduced, `${kind} ${before} -> ${after}`)
    }
  }
  const denying = (deny: string[]) => heldAccess('tools', { deny: [] }, [{ allow: ['get_*'], deny }])
  const [was, is] = [denying(['get_secret*']), denying(['get_secret*', 'delete_*'])]
  t.equal(isAccessReduced(was.proxy, was, is.proxy, is), false, 'a deny of what was never allowed')
  const less = denying(['get_s*'])
  t.equal(isAccessReduced(was.proxy, was, less.proxy, less), true, 'a wider deny')
})

t.test('methods that are allowed without a rule are compared, too', async t => {
  const before = heldAccess('methods', { deny: [] }, [{ deny: [] }])
  const after = heldAccess('methods', { deny: [] }, [{ allow: ['vendor/*'], deny: ['tools/call'] }])
  const { gained, lost } = compareAccess(before, after, 'method')!
  t.strictSame(
    gained.map(one => one.witness),
    ['vendor/'],
  )
  t.strictSame(lost.map(one => [one.witness, one.after.rule]).toSorted(), [
    ['tasks/get', ''],
    ['tools/call', '/roles/r0/access/p/methods/deny/0'],
  ])
})

const uriPart = fc.constantFrom(
  'file:///',
  'db://t',
  'http://h',
  'HTTP://H:80',
  '/',
  'a',
  'b',
  'secret',
  '..',
  '.',
  '%61',
  '%2f',
  '%2e%2e',
  '?q=a',
  '#f',
  ';v=1',
  '@',
  ' ',
  '\\',
)
const uriPattern = fc
  .array(fc.oneof(uriPart, fc.constantFrom('*', '\\?q=', '?')), { minLength: 1, maxLength: 5 })
  .map(parts =>
    parts
      .join('')
      .replaceAll(/\*+/g, '*')
      .replace(/(?<!\\)(?:\\\\)*\\$/, ''),
  )
  .filter(text => {
    try {
      return parseGlob(text) !== undefined
    } catch {
      return false
    }
  })
const uriRules = fc.record({
  allow: fc.option(
    fc.array(fc.oneof(uriPattern, fc.constantFrom('*', 'file:///*', 'db://*')), { maxLength: 3 }),
    { nil: undefined },
  ),
  deny: fc.array(uriPattern, { maxLength: 2 }),
})
const uriSide = fc.record({ ceiling: uriRules, roles: fc.array(uriRules, { minLength: 1, maxLength: 2 }) })

t.test('no URI is gained or lost if a comparison says so', async t => {
  const uris = fc.array(
    fc.array(uriPart, { minLength: 1, maxLength: 6 }).map(parts => parts.join('')),
    { minLength: 40, maxLength: 40 },
  )
  const counts = { checked: 0, differing: 0, proved: 0 }
  const check = (one: { ceiling: Rules; roles: readonly Rules[] }, other: typeof one, uris: string[]) => {
    const before = heldAccess('resources', one.ceiling, one.roles)
    const after = heldAccess('resources', other.ceiling, other.roles)
    const found = compareAccess(before, after, 'resource')!
    const allows = (held: typeof before, name: string): boolean =>
      decide(held.proxy, { ...anonymous, roles: held.roles }, { method: '', kind: 'resource', name }).allow
    for (const { witness } of found.gained)
      if (allows(before, witness) || !allows(after, witness)) return false
    for (const { witness } of found.lost) if (!allows(before, witness) || allows(after, witness)) return false
    const noGain = found.gained.length === 0 && found.mayGain !== true
    const noLoss = found.lost.length === 0 && found.mayLose !== true
    if (noGain && noLoss) counts.proved++
    for (const uri of uris) {
      counts.checked++
      const [was, is] = [allows(before, uri), allows(after, uri)]
      if (was !== is) counts.differing++
      if ((is && !was && noGain) || (was && !is && noLoss)) return false
    }
    return true
  }
  fc.assert(fc.property(uriSide, uriSide, uris, check), { seed, numRuns: 150 })
  // Sides that differ in one rule only, so that many comparisons prove that nothing is gained.
  fc.assert(
    fc.property(uriSide, uriPattern, fc.boolean(), uris, (one, more, denies, uris) => {
      const [first, ...rest] = one.roles
      const { allow = [], deny } = first!
      const extended = denies ? { ...first!, deny: [...deny, more] } : { allow: [...allow, more], deny }
      const other = { ceiling: one.ceiling, roles: [extended, ...rest] }
      return check(one, other, uris) && check(other, one, uris)
    }),
    { seed, numRuns: 150 },
  )
  t.ok(counts.checked >= 18_000 && counts.differing > 500 && counts.proved > 50, JSON.stringify(counts))
})

t.test('resources are compared with their other spellings', async t => {
  const rows: [before: string[], after: string[], gained: string | undefined, mayGain: boolean][] = [
    [['file:///*'], ['file:///*', 'file:///public/*'], undefined, false],
    [['file:///*'], ['file:///*', 'file:///a'], undefined, false],
    [['file:///a/*'], ['file:///a/*', 'file:///b/*'], 'file:///b/', false],
    [['file:///%61'], ['file:///a'], undefined, false],
    [['db://t/*'], ['db://t/*', 'db://t/rows\\?user=bob*'], undefined, true],
  ]
  for (const [before, after, gained, mayGain] of rows) {
    const of = (allow: string[]) => heldAccess('resources', { deny: [] }, [{ allow, deny: [] }])
    const found = compareAccess(of(before), of(after), 'resource')!
    t.strictSame(
      [found.gained[0]?.witness, found.mayGain === true],
      [gained, mayGain],
      `${before} -> ${after}`,
    )
  }
})

t.test('no name of a set is allowed if that is proved', async t => {
  const uris = fc.array(
    fc.array(uriPart, { minLength: 1, maxLength: 6 }).map(parts => parts.join('')),
    { minLength: 40, maxLength: 40 },
  )
  const counts = { proved: 0, granted: 0, undecided: 0, inSet: 0 }
  const check = (
    kind: 'tool' | 'resource',
    held: ReturnType<typeof heldAccess>,
    wanted: string,
    names: string[],
  ) => {
    const found = grantedName(held, kind, wanted)
    const glob = parseGlob(wanted)
    const allows = (name: string): boolean =>
      decide(held.proxy, { ...anonymous, roles: held.roles }, { method: '', kind, name }).allow
    if (found === 'undecided') counts.undecided++
    else if (found === undefined) counts.proved++
    else {
      counts.granted++
      if (!allows(found.witness) || !matchGlob(glob, found.witness)) return false
    }
    const inSet = names.filter(name => matchGlob(glob, fullyDecoded(name)))
    counts.inSet += inSet.length
    return found !== undefined || !inSet.some(allows)
  }
  fc.assert(
    fc.property(side, pattern, (one, wanted) =>
      check('tool', heldAccess('tools', one.ceiling, one.roles), wanted, shortNames),
    ),
    { seed, numRuns: 400 },
  )
  fc.assert(
    fc.property(uriSide, uriPattern, uris, (one, wanted, uris) =>
      check('resource', heldAccess('resources', one.ceiling, one.roles), wanted, uris),
    ),
    { seed, numRuns: 400 },
  )
  t.ok(counts.proved > 50 && counts.granted > 30 && counts.inSet > 5000, JSON.stringify(counts))
})

function fullyDecoded(uri: string): string {
  const once = decoded(uri)
  return once === uri ? uri : fullyDecoded(once)
}
