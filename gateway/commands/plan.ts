import type { Risk } from '../plan/change.ts'
import { plan } from '../plan/plan.ts'
import { parseCommandLine, usageError } from './cli/arguments.ts'
import type { Help } from './cli/command.ts'
import type { Io } from './cli/io.ts'
import { markdownOfPlan } from './plan/markdown.ts'
import { sideOptions, sidesHelp } from './plan/options.ts'
import { jsonOfPlan, textOfPlan } from './plan/present.ts'
import { placesIn } from './plan/places.ts'
import { readSides } from './plan/read-side.ts'

const failing = ['widens', 'breaks', 'narrows', 'neutral'] as const satisfies readonly Risk[]

export const help = {
  name: 'plan',
  args: 'OLD NEW',
  maxPositionals: 2,
  paragraphs: [
    'Shows what a change of the configuration does: who gains or loses what, over all names, and what happens to every other field. Each change widens access, narrows it, breaks something, or is neutral.',
    sidesHelp,
  ],
  options: {
    ...sideOptions,
    'fail-on': {
      type: 'string',
      value: 'RISKS',
      help: `Exit with 1 on changes with one of these risks, separated by commas: ${failing.join(', ')}`,
    },
    'exit-code': { type: 'boolean', default: false, help: 'Exit with 2 on any change' },
    format: {
      type: 'string',
      value: 'FORMAT',
      choices: ['text', 'json', 'markdown'],
      default: 'text',
      help: 'Output format',
    },
  },
  exitCodes: [
    ['0', 'The plan was made'],
    ['1', 'A change has a risk of --fail-on, or a configuration has errors'],
    ['2', 'Invalid usage, a configuration that cannot be read, or any change with --exit-code'],
  ],
} as const satisfies Help

/** Runs the command. Returns the exit code. */
export async function run(args: string[], io: Io): Promise<number> {
  const parsed = await parseCommandLine(args, help, io)
  if (!parsed.ok) return parsed.exitCode
  const { values, positionals } = parsed
  const failOn = values['fail-on']?.split(',') ?? []
  const unknown = failOn.find(risk => !failing.some(known => known === risk))
  if (unknown !== undefined)
    return usageError(`invalid risk \`${unknown}\`: expected ${failing.join(', ')}`, help, io)
  const sides = readSides(positionals, help, io)
  if (typeof sides === 'number') return sides
  const after = sides.after.loaded.config
  const changes = plan(sides.before.loaded.config, after, sides.now.getTime())
  const places = { before: placesIn(sides.before), after: placesIn(sides.after) }
  const text = {
    text: () => textOfPlan(changes, places, io.color),
    json: () => jsonOfPlan(changes),
    markdown: () => markdownOfPlan(changes, places, after),
  }[values.format]()
  if (!values.quiet || values.format !== 'text') io.stdout(text)
  if (changes.some(({ risk }) => failOn.includes(risk))) return 1
  return values['exit-code'] && changes.length > 0 ? 2 : 0
}
