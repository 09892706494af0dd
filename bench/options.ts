import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Effort } from './measure.ts'

/** Options of the bench. */
export interface Options {
  readonly effort: Effort
  /** Number of reloads and cold starts. */
  readonly repeats: number
  readonly only: readonly string[] | undefined
  /** Returns whether a row or a section is measured, given its name and whether it belongs to a quick run. */
  wants(this: void, name: string, quick: boolean): boolean
  readonly json: string
  readonly compare: string | undefined
  /** Root folder of another checkout to compare with. */
  readonly against: string | undefined
  readonly writeDocs: boolean
  readonly profile: boolean
  readonly profileSeconds: number
}

const usage = `npm run bench -- [options]

  --quick              Measure fewer rows in shorter rounds; takes two minutes
  --only NAME,NAME     Measure only these rows and sections
  --rounds N           Number of rounds (default: 9; quick: 3)
  --seconds N          Length of a round (default: 2; quick: 1)
  --json FILE          File for the results (default: bench/results.json)
  --compare FILE       Exit 1 if a ratio is more than 15 % worse than in these
                       results, which must be of a processor of the same make
  --against FOLDER     Compare with another checkout in one run, and exit 1 if a
                       row takes more than 5 % more CPU
  --write-docs         Write docs/performance.md and its plots from the results
  --profile            Show where the gateway spends its time in one row (see
                       --only; default: call)
`

/** Parses the arguments. `names` are those that `--only` accepts. Ends the process when an argument is invalid. */
export function readOptions(args: string[], names: readonly string[]): Options {
  const values = parse(args)
  if (values.help) {
    process.stdout.write(usage)
    process.exit(0)
  }
  const { quick } = values
  const only = values.only?.split(',')
  const unknown = only?.find(name => !names.includes(name))
  if (unknown !== undefined) fail(`unknown row \`${unknown}\`: expected ${names.join(', ')}`)
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
  return fail(`invalid value \`${text}\` for \`${name}\`: expected a whole number above 0`)
}

function fail(sentence: string): never {
  process.stderr.write(`bench: ${sentence}\n\n${usage}`)
  process.exit(2)
}
