import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { compareWithOther, withOther } from '../bench/against.ts'
import { regressions } from '../bench/compare.ts'
import { documentOf } from '../bench/document.ts'
import type { Sample } from '../bench/measure.ts'
import { ratios } from '../bench/ratios.ts'
import type { Report } from '../bench/report.ts'
import { requirementsOf } from '../bench/requirements.ts'
import { allRows } from '../bench/rows.ts'

const root = join(import.meta.dirname, '..')
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const results = JSON.parse(read('bench/results.json')) as Report
const rows = allRows({ reader: 'r', outsider: 'o', wrong: 'w', token: 't', jwks: '{}' })
const effort = { rounds: 5, often: 1, roundsOfProcess: 5, seconds: 1, warmUp: 1, tries: 1 }

t.test('docs/performance.md and its plots are what the bench measured', async t => {
  for (const [path, text] of documentOf(results)) t.equal(read(`docs/${path}`), text, path)
})

t.test('every row of the bench has a name of its own, and the baseline has its ratios', async t => {
  t.equal(new Set(rows.map(({ name }) => name)).size, rows.length)
  const baseline = JSON.parse(read('bench/baseline.json')) as Report
  t.ok(Object.keys(baseline.ratios).length >= 8)
  for (const name of Object.keys(baseline.ratios)) t.ok(results.ratios[name], name)
})

t.test('rows that are compared are measured in turn', async t => {
  const groups = new Map(rows.map(({ name, group }) => [name, group]))
  for (const { name, above, below } of ratios) t.equal(groups.get(above), groups.get(below), name)
})

t.test('a requirement that is missed by little is missed', async t => {
  const spread = (median: number) => ({ median, low: median, min: median, max: median })
  const outcome = (ratio: number): boolean | undefined =>
    requirementsOf({ ...results, ratios: { 'call / relay-call': spread(ratio) } })[0]!.met
  t.equal(outcome(1.3), true)
  t.equal(outcome(1.301), false)
})

t.test('a ratio counts as worse when it is over 15 % worse twice', async t => {
  const baseline = join(root, 'bench/baseline.json')
  const was = (JSON.parse(read('bench/baseline.json')) as Report).ratios['call / relay-call']!.median
  const report = (factor: number): Report => ({
    ...results,
    ratios: { 'call / relay-call': { median: was * factor, low: 0, min: 0, max: 99 } },
  })
  const measured: string[][] = []
  const measuring = (factors: number[]) => async (again: typeof rows) => {
    measured.push(again.map(({ name }) => name))
    return new Map([
      ['call', factors.map(factor => ({ cpuPerCall: was * factor }) as Sample)],
      ['relay-call', factors.map(() => ({ cpuPerCall: 1 }) as Sample)],
    ])
  }
  const compared = (first: number, ...second: number[]) =>
    regressions(report(first), baseline, rows, measuring(second) as never, effort)
  const elsewhere = { ...report(9), machine: { ...results.machine, cpu: 'Intel(R) Xeon(R) Processor' } }
  t.same(
    await regressions(elsewhere, baseline, rows, measuring([9]) as never, effort),
    [],
    'processors of two makes are not compared',
  )
  t.same(await compared(1.14, 9), [])
  t.same(measured, [], 'nothing is measured again where nothing is worse')
  t.same(await compared(1.16, 1.14), [])
  t.same(measured, [['relay-call', 'call']])
  t.match(await compared(1.16, 1.16), [/^call \/ relay-call was /])
  t.match(await compared(1.16, 1.16, 9, 1.1, 1.16, 1.16, 9, 9, 9), [/^call \/ relay-call was /])
  t.same(
    await compared(1.16, 1.1, 9, 1.1, 1.16, 9, 9, 9, 9),
    [],
    'where a quarter of the rounds is as good as it was',
  )
})

t.test('a row that takes over 5 % more CPU than in another checkout is slower', async t => {
  const pairs = withOther(
    rows.filter(({ name }) => ['call', 'relay-call', 'rate-call'].includes(name)),
    '/other',
  )
  t.same(
    pairs.map(({ name, target }) => [name, (target as { checkout?: string }).checkout]),
    [
      ['call', undefined],
      ['call-before', '/other'],
    ],
  )
  const compared = (...runs: number[][]) => {
    const measure = async () => {
      const now = runs.shift()!.map(cpuPerCall => ({ cpuPerCall }) as Sample)
      return new Map([
        ['call', now],
        ['call-before', now.map(() => ({ cpuPerCall: 10 }) as Sample)],
      ])
    }
    return compareWithOther(pairs, measure, effort, () => {})
  }
  t.same((await compared([10.5])).slower, [])
  t.same(
    (await compared([10.6], [10.4, 10.6, 10.6, 10.6])).slower,
    [],
    'a quarter of the rounds is not slower',
  )
  const { slower, table } = await compared([10.6], [10.6, 10.7, 10.8, 10.9])
  t.same(slower, ['call'])
  t.match(table, /call +10\.8 .*1\.075/)
})
