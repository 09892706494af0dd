import { fragmentSchemaText, revocationsSchemaText, schemaText } from '../config/schema/schema.ts'
import { parseCommandLine, usageError } from './cli/arguments.ts'
import type { Io } from './cli/io.ts'

const options = {
  fragment: { type: 'boolean', default: false, help: 'Print the schema of fragments instead' },
  revocations: { type: 'boolean', default: false, help: 'Print the schema of the revocations file instead' },
} as const

export const help = {
  name: 'schema',
  paragraphs: ['Prints the JSON Schema of gateway.yaml, for editors and other tools.'],
  options,
  exitCodes: [
    ['0', 'The schema was printed'],
    ['2', 'Invalid usage, or stdout cannot be written'],
  ],
} as const

/** Runs the command. Returns the exit code. */
export async function run(args: string[], io: Io): Promise<number> {
  const parsed = await parseCommandLine(args, help, io)
  if (!parsed.ok) return parsed.exitCode
  const { fragment, revocations } = parsed.values
  if (fragment && revocations) return usageError('choose `--fragment` or `--revocations`', help, io)
  io.stdout(fragment ? fragmentSchemaText() : revocations ? revocationsSchemaText() : schemaText())
  return 0
}
