// Pairs of access rules. A comparison must report a gain or a loss exactly where decide() differs. Every witness is tried on
// both sides, and of every tenth pair all names of up to four letters.
import assert from 'node:assert/strict'
import { compareAccess } from '../../gateway/access/analysis/compare-access.ts'
import type { HeldAccess } from '../../gateway/access/analysis/held-access.ts'
import { decide } from '../../gateway/access/decide.ts'
import { compileAccess } from '../../gateway/access/rules.ts'
import { anonymous } from '../../gateway/auth/principal.ts'
import { parseGlob } from '../../gateway/values/glob.ts'
import type { FuzzTarget } from './main.ts'
import type { Random } from './random.ts'

const letters = ['a', 'b', '_', '*', '?', '\\*']
const shortNames: string[] = []
for (let level = [''], length = 1; length <= 4; length++) {
  level = level.flatMap(name => [...'ab_*x'].map(letter => name + letter))
  shortNames.push(...level)
}

function patternOf(random: Random): string {
  for (;;) {
    const text = Array.from({ length: 1 + random.below(5) }, () => random.pick(letters)).join('')
    try {
      parseGlob(text)
      return text
    } catch {
      // Two stars in a row, or a lone backslash: try again.
    }
  }
}

const listOf = (random: Random, least: number): string[] =>
  Array.from({ length: least + random.below(3) }, () => patternOf(random))
const rulesOf = (random: Random) => ({
  ...(random.below(4) > 0 && { allow: listOf(random, 0) }),
  deny: listOf(random, 0),
})

function heldAccess(random: Random, kind: 'tools' | 'prompts'): HeldAccess {
  const names = Array.from({ length: random.below(3) }, (_, index) => `r${index}`)
  const roles = Object.fromEntries(names.map(name => [name, { access: { p: { [kind]: rulesOf(random) } } }]))
  const auth = random.below(8) === 0 ? 'none' : ['k']
  return {
    proxy: compileAccess('p', { auth, [kind]: rulesOf(random) } as never, roles as never),
    roles: names,
  }
}

let pairs = 0

const target: FuzzTarget = {
  cases: 100_000,
  run(random) {
    const kind = random.pick(['tools', 'prompts'] as const)
    const [before, after] = [heldAccess(random, kind), heldAccess(random, kind)]
    const name = kind === 'tools' ? 'tool' : 'prompt'
    const allows = ({ proxy, roles }: HeldAccess, text: string): boolean =>
      decide(proxy, { ...anonymous, roles }, { method: '', kind: name, name: text }).allow
    const found = compareAccess(before, after, name)
    assert(found !== undefined, 'undecided')
    for (const { witness } of found.gained)
      assert(!allows(before, witness) && allows(after, witness), `no gain: ${witness}`)
    for (const { witness } of found.lost)
      assert(allows(before, witness) && !allows(after, witness), `no loss: ${witness}`)
    if (pairs++ % 10 > 0) return
    for (const text of shortNames) {
      const [was, is] = [allows(before, text), allows(after, text)]
      assert(was || !is || found.gained.length > 0, `a gain is missing: ${text}`)
      assert(is || !was || found.lost.length > 0, `a loss is missing: ${text}`)
    }
  },
}

export default target
