import { resolve } from 'node:path'
import { load } from '../../config/load.ts'
import { formatText } from '../../config/report/format.ts'
import { relativePath } from '../../config/report/render.ts'
import { printable } from '../../lib/printable.ts'
import { parseCommandLine } from '../cli/arguments.ts'
import type { Help } from '../cli/command.ts'
import { exitCodeOf } from '../cli/exit-code.ts'
import type { Io } from '../cli/io.ts'
import { sideOptions } from '../plan/options.ts'

export const help = {
  name: 'check no-anonymous',
  args: '[FILE]',
  maxPositionals: 1,
  paragraphs: ['Proves that no proxy serves callers without a credential. Otherwise lists those that do.'],
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
  const path = resolve(io.cwd, parsed.positionals[0] ?? 'gateway.yaml')
  const result = load(path, { env: {}, now: new Date(), allowMissingEnv: true })
  const { loaded } = result
  if (loaded === undefined) {
    io.stderr(formatText(result, io))
    return exitCodeOf(result)
  }
  const open = Object.entries(loaded.config.proxies).filter(([, { auth }]) => auth === 'none')
  if (open.length === 0) {
    if (!parsed.values.quiet) io.stdout('proved: every proxy requires a credential\n')
    return 0
  }
  for (const [name] of open) {
    const { file = path, line = 1 } = loaded.locate(`/proxies/${name}/auth`) ?? {}
    io.stdout(printable(`proxy ${name} is open to everyone: ${relativePath(file, io.cwd)}:${line}`) + '\n')
  }
  return 1
}
