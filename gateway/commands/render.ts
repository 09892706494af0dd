import { resolve } from 'node:path'
import { stringify } from 'yaml'
import type { Config } from '../../schema/config.ts'
import { load } from '../config/load.ts'
import { formatText } from '../config/report/format.ts'
import { printable, printableJson } from '../lib/printable.ts'
import { configFrom, parseCommandLine } from './cli/arguments.ts'
import { configOption } from './cli/common-options.ts'
import type { Help } from './cli/command.ts'
import { exitCodeOf } from './cli/exit-code.ts'
import type { Io } from './cli/io.ts'

export const help = {
  name: 'render',
  args: '[FILE]',
  maxPositionals: 1,
  paragraphs: [
    'Prints the effective configuration: main file and fragments as one, variables replaced where they are set, and defaults filled in. Secrets are references, and hashes are shortened.',
  ],
  options: {
    config: configOption,
    format: {
      type: 'string',
      value: 'FORMAT',
      choices: ['yaml', 'json'],
      default: 'yaml',
      help: 'Output format',
    },
  },
  exitCodes: [
    ['0', 'The configuration was printed'],
    ['1', 'The configuration has errors'],
    ['2', 'Invalid usage, or a configuration that cannot be read'],
  ],
} as const satisfies Help

/** Number of characters of a hash that are shown. */
const shownHashLength = 8

/** Runs the command. Returns the exit code. */
export async function run(args: string[], io: Io): Promise<number> {
  const parsed = await parseCommandLine(args, help, io)
  if (!parsed.ok) return parsed.exitCode
  const { values } = parsed
  const file = configFrom(parsed, help, io)
  if (typeof file === 'number') return file
  const result = load(resolve(io.cwd, file), { env: io.env, now: new Date(), allowMissingEnv: true })
  const { loaded } = result
  if (loaded === undefined) {
    io.stderr(formatText(result, io))
    return exitCodeOf(result)
  }
  const shown = withoutHashes(loaded.config)
  const revision = loaded.missing.length === 0 ? loaded.revision : null
  if (values.format === 'json') {
    io.stdout(`${printableJson(JSON.stringify({ schemaVersion: 1, revision, config: shown }, null, 2))}\n`)
    return 0
  }
  const head =
    revision === null ? `# the revision needs ${loaded.missing.join(', ')}` : `# revision ${revision}`
  const body = stringify(shown, { lineWidth: 0 }).trimEnd()
  io.stdout(`${[head, ...body.split('\n')].map(printable).join('\n')}\n`)
  return 0
}

/** Returns a copy with shortened hashes: the whole hash of a weak secret would confirm guesses. */
function withoutHashes(given: Config): Config {
  const copy = JSON.parse(JSON.stringify(given)) as Config
  for (const { secrets } of Object.values(copy.keys)) {
    for (const secret of secrets) secret.hash = shortened(secret.hash)
  }
  return copy
}

function shortened(hash: string): string {
  const kind = /^[a-z0-9-]+:/.exec(hash)?.[0] ?? ''
  const digest = hash.slice(kind.length)
  return kind === 'argon2id:' || kind === '' ? `${kind}…` : `${kind}${digest.slice(0, shownHashLength)}…`
}
