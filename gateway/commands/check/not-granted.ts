import { grantsOf, type Grant } from '../../plan/grants.ts'
import { printable } from '../../lib/printable.ts'
import { matchGlob, parseGlob } from '../../values/glob.ts'
import { MalformedError } from '../../values/malformed.ts'
import { parseCommandLine, usageError } from '../cli/arguments.ts'
import type { Help } from '../cli/command.ts'
import type { Io } from '../cli/io.ts'
import { sideOptions } from '../plan/options.ts'
import { placesIn } from '../plan/places.ts'
import { readOne, type Side } from '../plan/read-side.ts'

export const help = {
  name: 'check not-granted',
  args: '[FILE] --tools PATTERN',
  maxPositionals: 1,
  paragraphs: [
    'Proves that nobody may use a name that matches a pattern: no key, no token, no certificate and no anonymous caller. Otherwise shows who may, and why. Name one kind.',
    'FILE is a file, a folder with a gateway.yaml, or a file of a git revision. No secret is needed.',
  ],
  options: {
    ...sideOptions,
    tools: { type: 'string', value: 'PATTERN', help: 'Tools, such as `delete_*`' },
    prompts: { type: 'string', value: 'PATTERN', help: 'Prompts' },
    resources: { type: 'string', value: 'PATTERN', help: 'URIs of resources' },
    proxy: { type: 'string', value: 'PATTERN', default: '*', help: 'Proxies' },
  },
  exitCodes: [
    ['0', 'Proved'],
    ['1', 'Somebody may, or the configuration has errors'],
    ['2', 'Invalid usage, or a configuration that cannot be read'],
    ['3', 'Somebody may be able to, but this cannot be decided'],
  ],
} as const satisfies Help

const kinds = { tools: 'tool', prompts: 'prompt', resources: 'resource' } as const

/** Runs the command. Returns the exit code. */
export async function run(args: string[], io: Io): Promise<number> {
  const parsed = await parseCommandLine(args, help, io)
  if (!parsed.ok) return parsed.exitCode
  const { values, positionals } = parsed
  const given = (['tools', 'prompts', 'resources'] as const).filter(kind => values[kind] !== undefined)
  const [kind] = given
  if (kind === undefined || given.length > 1)
    return usageError('name one of `--tools`, `--prompts` and `--resources`', help, io)
  for (const pattern of [values[kind]!, values.proxy]) {
    const problem = problemOf(pattern)
    if (problem !== undefined) return usageError(`\`${pattern}\` is ${problem}`, help, io)
  }
  const now = new Date()
  const side = readOne(positionals[0] ?? 'gateway.yaml', io, now)
  if (typeof side === 'number') return side
  const pattern = values[kind]!
  const proxies = parseGlob(values.proxy)
  const isMeant = (name: string): boolean => matchGlob(proxies, name)
  const grants = grantsOf(side.loaded.config, kinds[kind], pattern, isMeant, now.getTime())
  const proof = `proved: nobody may use ${kind} such as ${pattern}`
  if (grants?.length !== 0 || !values.quiet) io.stdout(textOf(grants, proof, side))
  if (grants?.length === 0) return 0
  return grants?.some(({ granted }) => granted !== 'undecided') === true ? 1 : 3
}

function textOf(grants: readonly Grant[] | undefined, proof: string, side: Side): string {
  const lines =
    grants === undefined
      ? ['the grants are too many to try all combinations']
      : grants.length === 0
        ? [proof]
        : grants.map(grant => lineOf(grant, side))
  return lines.map(line => `${printable(line)}\n`).join('')
}

function problemOf(pattern: string): string | undefined {
  try {
    parseGlob(pattern)
    return undefined
  } catch (error) {
    if (error instanceof MalformedError) return error.message
    throw error
  }
}

function lineOf({ proxy, callers, granted }: Grant, side: Side): string {
  const more = callers.length > 3 ? ` and ${callers.length - 3} others` : ''
  const who = callers.slice(0, 3).join(', ') + more
  if (granted === 'undecided') return `${who} may be able to on ${proxy}: this cannot be decided`
  const { witness, rule } = granted
  return `${who} may use ${JSON.stringify(witness)} on ${proxy}: ${placesIn(side)(rule) ?? rule}`
}
