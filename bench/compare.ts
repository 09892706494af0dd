import { readFileSync } from 'node:fs'
import type { Effort, Measure } from './measure.ts'
import { ratios, ratiosOf } from './ratios.ts'
import type { Report } from './report.ts'
import type { Row } from './rows.ts'
import { number } from './table.ts'

/** Largest factor by which a ratio may get worse. */
const allowance = 1.15
/** Effort for ratios that look worse, which are measured again. */
const again = { rounds: 15, often: 1, roundsOfProcess: 5, tries: 3 }

/**
 * Compares the ratios of a report with those of an earlier one. Absolute figures of two machines cannot be compared.
 * A ratio that looks worse is measured again in more rounds. It counts when three quarters of them are worse: other load
 * makes some rounds worse, a regression makes all of them worse.
 *
 * @param file an earlier report
 * @returns a sentence for each ratio that got worse by more than 15 %; none when the processors are of different makes,
 *   because their ratios differ for the same code
 */
export async function regressions(
  report: Report,
  file: string,
  rows: readonly Row[],
  measure: Measure,
  { seconds, warmUp }: Effort,
): Promise<string[]> {
  const { ratios: earlier, machine } = JSON.parse(readFileSync(file, 'utf8')) as Report
  if (makeOf(machine.cpu) !== makeOf(report.machine.cpu)) return []
  const isWorse = (figure: number | undefined, name: string): boolean =>
    (figure ?? 0) > (earlier[name]?.median ?? Number.POSITIVE_INFINITY) * allowance
  const suspects = ratios.filter(({ name }) => isWorse(report.ratios[name]?.median, name))
  if (suspects.length === 0) return []
  const concerned = rows.filter(row => suspects.some(({ above, below }) => [above, below].includes(row.name)))
  const found = ratiosOf(await measure(concerned, { ...again, seconds, warmUp }))
  return suspects
    .filter(({ name }) => isWorse(found[name]?.low, name))
    .map(
      ({ name }) =>
        `${name} was ${number(earlier[name]!.median, 2)} and is ${number(found[name]!.median, 2)} ` +
        `(${number(report.ratios[name]!.median, 2)} at first)`,
    )
}

/** Returns the maker of a processor. */
function makeOf(cpu: string): string {
  return cpu.split(/[ (]/, 1)[0]!
}
