import { revocationsSchemaText, schemaText } from '../config/schema/schema.ts'
import { parseCommandLine } from './cli/arguments.ts'
import type { Io } from './cli/io.ts'

const options = {
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
  io.stdout(parsed.values.revocations ? revocationsSchemaText() : schemaText())
  return 0
}
