import { plan } from '../../plan/plan.ts'
import { parseCommandLine } from '../cli/arguments.ts'
import type { Help } from '../cli/command.ts'
import type { Io } from '../cli/io.ts'
import { sideOptions, sidesHelp } from '../plan/options.ts'
import { placesIn } from '../plan/places.ts'
import { textOfPlan } from '../plan/present.ts'
import { readSides } from '../plan/read-side.ts'

export const help = {
  name: 'check no-new-access',
  args: 'OLD NEW',
  maxPositionals: 2,
  paragraphs: [
    'Proves that a change gives nobody more access: no caller gains a name, no new way in comes, and no limit goes. Otherwise shows what is gained.',
    sidesHelp,
  ],
  options: sideOptions,
  exitCodes: [
    ['0', 'Proved'],
    ['1', 'There is a counterexample, or a configuration has errors'],
    ['2', 'Invalid usage, or a configuration that cannot be read'],
    ['3', 'Access may be gained, but this cannot be decided'],
  ],
} as const satisfies Help

/** Runs the command. Returns the exit code. */
export async function run(args: string[], io: Io): Promise<number> {
  const parsed = await parseCommandLine(args, help, io)
  if (!parsed.ok) return parsed.exitCode
  const sides = readSides(parsed.positionals, help, io)
  if (typeof sides === 'number') return sides
  const { before, after, now } = sides
  const widening = plan(before.loaded.config, after.loaded.config, now.getTime()).filter(
    ({ risk }) => risk === 'widens',
  )
  if (widening.length === 0) {
    if (!parsed.values.quiet) io.stdout('proved: nobody gains access\n')
    return 0
  }
  const places = { before: placesIn(before), after: placesIn(after) }
  io.stdout(textOfPlan(widening, places, io.color))
  return widening.every(({ undecided }) => undecided === true) ? 3 : 1
}
