import fc from 'fast-check'
import t from 'tap'
import { createBoundedMap } from '../gateway/lib/bounded-map.ts'

t.test('a bounded map holds the newest entries that fit, whatever was done before', async t => {
  const steps = fc.array(
    fc.oneof(
      { weight: 60, arbitrary: fc.tuple(fc.constant('set' as const), fc.nat(40), fc.nat(12)) },
      { weight: 12, arbitrary: fc.tuple(fc.constant('delete' as const), fc.nat(40), fc.constant(0)) },
      { weight: 1, arbitrary: fc.tuple(fc.constant('clear' as const), fc.nat(40), fc.constant(0)) },
    ),
    { maxLength: 400, size: 'max' },
  )
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(
        steps,
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 60 }),
        (all, most, heaviest) => {
          const map = createBoundedMap<number, { weight: number }>(most, {
            maxWeight: heaviest,
            weigh: ({ weight }) => weight,
          })
          let model: [key: number, value: { weight: number }][] = []
          for (const [step, key, weight] of all) {
            if (step === 'clear') {
              map.clear()
              model = []
              continue
            }
            model = model.filter(([known]) => known !== key)
            if (step === 'delete') map.delete(key)
            else {
              const value = { weight }
              map.set(key, value)
              model.push([key, value])
            }
            const total = () => model.reduce((sum, [, value]) => sum + value.weight, 0)
            while (model.length > most || total() > heaviest) model.shift()
            const known = new Map(model)
            if (map.size !== model.length) return false
            for (let other = 0; other <= 40; other++) {
              if (map.get(other) !== known.get(other) || map.has(other) !== known.has(other)) return false
            }
          }
          return true
        },
      ),
      { numRuns: 300 },
    ),
  )
})

t.test('a bounded map without weights holds undefined, too', async t => {
  const map = createBoundedMap<number, undefined>(2)
  for (let key = 0; key < 200; key++) map.set(key, undefined)
  t.equal(map.size, 2)
  t.strictSame(
    [197, 198, 199].map(key => map.has(key)),
    [false, true, true],
  )
})
