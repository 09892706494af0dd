import { schemaText } from '../config/schema.ts'
import { parseCommandLine, type Io } from './io.ts'

const usage = `gatehouse schema

Prints the JSON Schema of gateway.yaml, for editors and other tools.
`

/** Prints gateway.schema.json. Returns the exit code. */
export async function schema(args: string[], io: Io): Promise<number> {
  const parsed = parseCommandLine(args, {}, usage, io)
  if (!parsed.ok) return parsed.exitCode
  io.stdout(schemaText())
  return 0
}
