import { toPointer } from '../../config/document/pointer.ts'
import { printable } from '../../lib/printable.ts'
import { parseCommandLine } from '../cli/arguments.ts'
import type { Help } from '../cli/command.ts'
import type { Io } from '../cli/io.ts'
import { sideOptions } from '../plan/options.ts'
import { readOne } from '../plan/read-side.ts'

export const help = {
  name: 'check no-anonymous',
  args: '[FILE]',
  maxPositionals: 1,
  paragraphs: [
    'Proves that no proxy serves callers without a credential. Otherwise lists those that do.',
    'FILE is a file, a folder with a gateway.yaml, or a file of a git revision. No secret is needed.',
  ],
  options: sideOptions,
  exitCodes: [
    ['0', 'Proved'],
    ['1', 'A proxy is open to everyone, or the configuration has errors'],
    ['2', 'Invalid usage, or a configuration that cannot be read'],
  ],
} as const satisfies Help

/** Runs the command. Returns the exit code. */
export async function run(args: string[], io: Io): Promise<number> {
  const parsed = await parseCommandLine(args, help, io)
  if (!parsed.ok) return parsed.exitCode
  const side = readOne(parsed.positionals[0] ?? 'gateway.yaml', io, new Date())
  if (typeof side === 'number') return side
  const { loaded, show } = side
  const open = Object.entries(loaded.config.proxies).filter(([, { auth }]) => auth === 'none')
  if (open.length === 0) {
    if (!parsed.values.quiet) io.stdout('proved: every proxy requires a credential\n')
    return 0
  }
  for (const [name] of open) {
    const { file, line } = loaded.locate(toPointer(['proxies', name, 'auth']))!
    io.stdout(`${printable(`proxy ${name} is open to everyone: ${show(file)}:${line}`)}\n`)
  }
  return 1
}
