import { revocationsSchemaText, schemaText } from '../config/schema/schema.ts'
import { parseCommandLine, type Io } from './cli/io.ts'

const usage = `gatehouse schema [--revocations]

Prints the JSON Schema of gateway.yaml, for editors and other tools.

  --revocations          that of the revocations file instead
`

const options = { revocations: { type: 'boolean', default: false } } as const

/** Prints one of the schemas. Returns the exit code. */
export async function schema(args: string[], io: Io): Promise<number> {
  const parsed = parseCommandLine(args, options, usage, io)
  if (!parsed.ok) return parsed.exitCode
  io.stdout(parsed.values.revocations ? revocationsSchemaText() : schemaText())
  return 0
}
