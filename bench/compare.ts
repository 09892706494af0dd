import { readFileSync } from 'node:fs'
import type { Effort, Measure } from './measure.ts'
import { ratios, ratiosOf } from './ratios.ts'
import type { Report } from './report.ts'
import type { Row } from './rows.ts'
import { number } from './table.ts'

/** How much worse a ratio may be than it was. */
const allowance = 1.15
/** How often what looks worse is measured once more, and what others disturb is repeated. */
const again = { rounds: 15, often: 1, roundsOfProcess: 5, tries: 3 }

/**
 * Compares the ratios of a report with those of an earlier one; absolute figures of two machines cannot be compared.
 * What looks worse is measured once more, in more rounds, and counts where three quarters of them are worse: what else
 * runs on a machine makes some rounds look worse, and a regression all of them.
 *
 * @param file an earlier report
 * @returns a sentence for each ratio that got worse by more than 15 %; none where the processors are of two makes, which
 *   give other ratios for the same code
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

/** The maker of a processor. */
function makeOf(cpu: string): string {
  return cpu.split(/[ (]/, 1)[0]!
}
