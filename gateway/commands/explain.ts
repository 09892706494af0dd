import { printable } from '../lib/printable.ts'
import { parseCommandLine, usageError } from './cli/arguments.ts'
import type { Help } from './cli/command.ts'
import { didYouMean } from './cli/did-you-mean.ts'
import type { Io } from './cli/io.ts'
import { explainDiagnostic, explainError, explainField, topics } from './explain/topics.ts'

export const help = {
  name: 'explain',
  args: 'CODE|ERROR|FIELD',
  maxPositionals: 1,
  paragraphs: [
    'Explains a diagnostic such as `GH2003`, an error or a detail of the log such as `key_disabled`, or a field such as `proxies.mock.upstream.timeout`.',
  ],
  options: {},
  exitCodes: [
    ['0', 'The explanation was printed'],
    ['2', 'Invalid usage, or nothing has this name'],
  ],
} as const satisfies Help

/** Runs the command. Returns the exit code. */
export async function run(args: string[], io: Io): Promise<number> {
  const parsed = await parseCommandLine(args, help, io)
  if (!parsed.ok) return parsed.exitCode
  const [topic] = parsed.positionals
  if (topic === undefined || topic === '') return usageError('name a code, an error or a field', help, io)
  const text = explainDiagnostic(topic) ?? explainError(topic) ?? explainField(topic)
  if (text === undefined)
    return usageError(`nothing is called \`${topic}\`${await didYouMean(topic, topics())}`, help, io)
  io.stdout(`${text.split('\n').map(printable).join('\n')}\n`)
  return 0
}
