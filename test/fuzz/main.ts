// Runs the fuzzers: npm run fuzz [-- NAME… --seed N --cases N --from N]
// Every target of this folder (NAME.fuzz.ts) generates its cases from a seed, so that all runs are the same.
import { spawn } from 'node:child_process'
import { globSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'
import { caseSeed, createRandom, type Random } from './random.ts'

/** Default export of a target file. */
export interface FuzzTarget {
  /** Number of cases of a run, which takes about a minute. */
  readonly cases: number
  /** Generates and checks one case. Throws when the code under test is wrong. */
  run(random: Random): void | Promise<void>
  /** Called once after the last case. */
  close?(): void | Promise<void>
}

const folder = import.meta.dirname
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string', default: '1' },
    cases: { type: 'string' },
    from: { type: 'string', default: '0' },
  },
})
const names = globSync('*.fuzz.ts', { cwd: folder })
  .map(file => basename(file, '.fuzz.ts'))
  .toSorted()
const wanted = positionals.length > 0 ? positionals : names

const [only] = wanted
if (wanted.length === 1 && only !== undefined) process.exitCode = (await runTarget(only)) ? 0 : 1
else {
  const queue = [...wanted]
  const outcomes = await Promise.all(
    Array.from({ length: availableParallelism() }, async () => {
      const codes: number[] = []
      for (let name = queue.shift(); name !== undefined; name = queue.shift())
        codes.push(await runApart(name))
      return codes
    }),
  )
  const failed = outcomes.flat().filter(code => code !== 0).length
  console.log(`${wanted.length - failed} passed, ${failed} failed`)
  process.exitCode = failed === 0 ? 0 : 1
}

function runApart(name: string): Promise<number> {
  const rest = process.argv.slice(2).filter(argument => !positionals.includes(argument))
  const child = spawn(process.execPath, [import.meta.filename, name, ...rest], { stdio: 'inherit' })
  return new Promise(resolve => child.once('exit', code => resolve(code ?? 1)))
}

async function runTarget(name: string): Promise<boolean> {
  const { default: target } = (await import(join(folder, `${name}.fuzz.ts`))) as { default: FuzzTarget }
  const seed = Number(values.seed)
  const first = Number(values.from)
  const cases = Number(values.cases ?? target.cases)
  const begun = performance.now()
  let index = first
  try {
    for (; index < first + cases; index++) await target.run(createRandom(caseSeed(seed, index)))
  } catch (error) {
    console.error(error)
    console.log(
      `${name}: case ${index} failed; run it again with: npm run fuzz -- ${name} --seed ${seed} --from ${index} --cases 1`,
    )
    return false
  } finally {
    await target.close?.()
  }
  const seconds = ((performance.now() - begun) / 1000).toFixed(1)
  console.log(`${name}: ${cases} cases, seed ${seed}, ${seconds} s, 0 failed`)
  return true
}
