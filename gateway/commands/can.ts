import { resolve } from 'node:path'
import { answer } from '../analysis/answer.ts'
import { load, type Loaded, type LoadResult } from '../config/load.ts'
import { formatText } from '../config/report/format.ts'
import { readRevocations, revocableNames } from '../config/revocations.ts'
import { jsonOfAnswer, textOfAnswer } from './can/present.ts'
import { help } from './can/options.ts'
import { QuestionError, readCaller, readPlace, readWish } from './can/question.ts'
import { configFrom, parseCommandLine, usageError } from './cli/arguments.ts'
import type { Io } from './cli/io.ts'

export { help }

/** Runs the command. Returns the exit code. */
export async function run(args: string[], io: Io): Promise<number> {
  const parsed = await parseCommandLine(args, help, io)
  if (!parsed.ok) return parsed.exitCode
  const { values } = parsed
  const file = configFrom(parsed, help, io)
  if (typeof file === 'number') return file
  const now = new Date()
  const result = load(resolve(io.cwd, file), { env: io.env, now, allowMissingEnv: true })
  const { loaded } = result
  if (loaded === undefined) {
    io.stderr(formatText(result, io))
    return 2
  }
  try {
    const wish = readWish(values)
    const place = await readPlace(values, loaded.config, now)
    const caller = await readCaller(values, loaded.config, io)
    const found = answer(caller, wish, place, revokedIn(result, loaded, now))
    const present = values.format === 'json' ? jsonOfAnswer : textOfAnswer
    if (values.format === 'json' || !values.quiet) io.stdout(present(found, loaded.locate, io.cwd))
    return found.allow ? 0 : 1
  } catch (error) {
    if (error instanceof QuestionError) return usageError(error.message, help, io)
    throw error
  }
}

/** Returns what the revocations file revokes. It was checked when the configuration was loaded. */
function revokedIn({ revocations }: LoadResult, { config }: Loaded, now: Date) {
  if (revocations === undefined) return new Map<string, string>()
  return readRevocations(revocations, revocableNames(config), { now }).entries ?? new Map<string, string>()
}
