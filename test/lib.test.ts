import { setImmediate as nextTurn } from 'node:timers/promises'
import fc from 'fast-check'
import t from 'tap'
import { BoundedMap } from '../gateway/lib/bounded-map.ts'
import { JsonChecker } from '../gateway/lib/json-checker.ts'
import { createSemaphore } from '../gateway/lib/semaphore.ts'

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
          const map = new BoundedMap<number, { weight: number }>(most, {
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
  const map = new BoundedMap<number, undefined>(2)
  for (let key = 0; key < 200; key++) map.set(key, undefined)
  t.equal(map.size, 2)
  t.strictSame(
    [197, 198, 199].map(key => map.has(key)),
    [false, true, true],
  )
})

t.test('a semaphore keeps to its bounds, prefers earlier lanes, and loses no work', async t => {
  const semaphore = createSemaphore(3, [
    { maxRunning: 3, maxWaiting: 20 },
    { maxRunning: 2, maxWaiting: 4 },
  ])
  const running = [0, 0]
  const started: string[] = []
  const work = (lane: number, name: string) => async () => {
    running[lane]!++
    started.push(name)
    t.ok(running[0]! + running[1]! <= 3 && running[1]! <= 2)
    await nextTurn()
    running[lane]!--
    if (name.endsWith('fails')) throw new Error(name)
    return name
  }
  const all = ['b1', 'b2', 'b3', 'a1', 'b4', 'a2 fails', 'b5', 'a3', 'b6'].map(name => {
    const lane = name.startsWith('a') ? 0 : 1
    return semaphore.run(lane, work(lane, name))
  })
  t.equal(semaphore.isFull(1), true)
  t.equal(semaphore.isFull(0), false)
  const results = await Promise.allSettled(all)
  t.equal(results.filter(({ status }) => status === 'fulfilled').length, 8)
  t.ok(started.indexOf('a3') < started.indexOf('b3'))
  t.strictSame(running, [0, 0])
  t.equal(semaphore.isFull(1), false)
})

t.test('a semaphore ends the wait of its work, and what runs goes on', async t => {
  const semaphore = createSemaphore(1, [{ maxRunning: 1, maxWaiting: 2 }])
  const first = Promise.withResolvers<string>()
  const running = semaphore.run(0, () => first.promise)
  const waiting = [semaphore.run(0, async () => 'second'), semaphore.run(0, async () => 'third')]
  t.equal(semaphore.isFull(0), true)
  semaphore.rejectWaiting(new Error('closed'))
  for (const one of waiting) await t.rejects(one, { message: 'closed' })
  first.resolve('first')
  t.equal(await running, 'first')
  t.equal(await semaphore.run(0, async () => 'fourth'), 'fourth')
})

t.test('JSON that comes in pieces is checked as JSON.parse does', async t => {
  const check = (pieces: readonly string[]): boolean => {
    const checker = new JsonChecker()
    try {
      for (const piece of pieces) checker.feed(piece)
      checker.end()
      return true
    } catch (error) {
      if (error instanceof SyntaxError) return false
      throw error
    }
  }
  const parses = (text: string): boolean => {
    try {
      JSON.parse(text)
      return true
    } catch {
      return false
    }
  }
  const characters = [...'{}[]:,"\\ntfu01e+-. \n\u0000a\u2028']
  const soup = fc.array(fc.constantFrom(...characters, '"a"', '{"a":', 'true', 'null', '\\u0041', '1.5e3'), {
    maxLength: 12,
  })
  const texts = fc.oneof(
    fc.json(),
    soup.map(parts => parts.join('')),
    fc.tuple(fc.json(), fc.nat(), fc.constantFrom(...characters)).map(([text, at, character]) => {
      const index = at % (text.length + 1)
      return text.slice(0, index) + character + text.slice(index + (at % 2))
    }),
  )
  fc.assert(
    fc.property(texts, fc.nat(40), (text, length) => {
      const pieces = length === 0 ? [text] : (text.match(new RegExp(`[^]{1,${length}}`, 'g')) ?? [])
      return check(pieces) === parses(text)
    }),
    { numRuns: 20_000, seed: 20_261_128 },
  )
  const names: string[] = []
  const checker = new JsonChecker((name, depth) => names.push(`${depth} ${name}`))
  for (const character of '{"a":{"\\u0062":{"c":1}},"d":[{"e":1}],"f":"\\""}') checker.feed(character)
  checker.end()
  t.same(names, ['1 a', '2 b', '1 d', '1 f'])
})
