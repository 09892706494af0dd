import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Effort } from './measure.ts'

/** What the bench was asked for. */
export interface Options {
  readonly effort: Effort
  /** How often a reload and a cold start are repeated. */
  readonly repeats: number
  readonly only: readonly string[] | undefined
  /** Whether a row or a section is wanted, by its name and whether it belongs to a quick run. */
  wants(this: void, name: string, quick: boolean): boolean
  readonly json: string
  readonly compare: string | undefined
  /** The root folder of another checkout to compare with. */
  readonly against: string | undefined
  readonly writeDocs: boolean
  readonly profile: boolean
  readonly profileSeconds: number
}

const usage = `npm run bench -- [options]

  --quick              fewer rows, shorter: two minutes
  --only NAME,NAME     only these rows and sections
  --rounds N           how often every row is measured (default: 9; quick: 3)
  --seconds N          how long, each time (default: 2; quick: 1)
  --json FILE          where the results go (default: bench/results.json)
  --compare FILE       exit 1 where a ratio is over 15 % worse than in these results of a processor of the same make
  --against FOLDER     only compare with another checkout, in one run; exit 1 where a row takes over 5 % more CPU
  --write-docs         write docs/performance.md and its plots from the results
  --profile            what the gateway spends its time on in one row (--only; default: call)
`

/** Reads the arguments, given the names that `--only` may have; ends the process with a sentence where it cannot. */
export function readOptions(args: string[], names: readonly string[]): Options {
  const values = parse(args)
  if (values.help) {
    process.stdout.write(usage)
    process.exit(0)
  }
  const { quick } = values
  const only = values.only?.split(',')
  const unknown = only?.find(name => !names.includes(name))
  if (unknown !== undefined) fail(`there is no row ${unknown}; there are ${names.join(', ')}`)
  const seconds = whole('--seconds', values.seconds) ?? (quick ? 1 : 2)
  return {
    effort: {
      rounds: whole('--rounds', values.rounds) ?? (quick ? 3 : 9),
      often: quick ? 1 : 3,
      roundsOfProcess: 3,
      seconds,
      warmUp: quick ? 40_000 : 200_000,
      tries: quick ? 1 : 3,
    },
    repeats: quick ? 1 : 5,
    only,
    wants: (name, isQuick) => only?.includes(name) ?? (isQuick || !quick),
    json: values.json ?? join(import.meta.dirname, 'results.json'),
    compare: values.compare,
    against: values.against,
    writeDocs: values['write-docs'],
    profile: values.profile,
    profileSeconds: Math.max(seconds, 6),
  }
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        quick: { type: 'boolean', default: false },
        only: { type: 'string' },
        rounds: { type: 'string' },
        seconds: { type: 'string' },
        json: { type: 'string' },
        compare: { type: 'string' },
        against: { type: 'string' },
        'write-docs': { type: 'boolean', default: false },
        profile: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values
  } catch (error) {
    return fail((error as Error).message)
  }
}

function whole(name: string, text: string | undefined): number | undefined {
  if (text === undefined || /^[1-9]\d*$/.test(text)) return text === undefined ? undefined : Number(text)
  return fail(`${name} takes a whole number over 0, not ${text}`)
}

function fail(sentence: string): never {
  process.stderr.write(`bench: ${sentence}\n\n${usage}`)
  process.exit(2)
}
