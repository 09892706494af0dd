import { resolve } from 'node:path'
import type { Key, KeySecret } from '../../../schema/config.ts'
import { whyMalformed } from '../../config/formats.ts'
import { printable } from '../../config/render.ts'
import { parseInstant } from '../../config/units.ts'
import { parseCommandLine, type Io } from '../io.ts'
import { read, reporting, valid } from './change.ts'
import { isJson, orUsage } from './options.ts'

const usage = `gatehouse keys list [options]

Lists the keys of a configuration: owner, roles, state and expiry of each, and the
first 8 digits of the hash of each secret.

  -c, --config FILE      the configuration (default: gateway.yaml)
  --format FORMAT        text or json (default: text)
`

const options = {
  config: { type: 'string', short: 'c', default: 'gateway.yaml' },
  format: { type: 'string', default: 'text' },
} as const

type State = 'active' | 'rotating' | 'disabled' | 'expired' | 'not yet valid'

interface Shown {
  readonly name: string
  readonly owner: string | null
  readonly description: string | null
  readonly roles: readonly string[]
  readonly state: State
  readonly notBefore: string | null
  readonly expires: string | null
  readonly secrets: readonly {
    readonly hash: string
    readonly state: State
    readonly notBefore: string | null
    readonly expires: string | null
  }[]
}

/** The command. Returns the exit code. */
export async function list(args: string[], io: Io): Promise<number> {
  const parsed = parseCommandLine(args, options, usage, io)
  if (!parsed.ok) return parsed.exitCode
  const json = orUsage(usage, io, () => isJson(parsed.values.format))
  if (typeof json === 'number') return json
  return reporting(io, () => {
    const now = new Date()
    const { config } = valid(read(resolve(io.cwd, parsed.values.config), io, now))
    const keys = Object.entries(config.keys).map(([name, key]) => show(name, key, now.getTime()))
    io.stdout(json ? `${JSON.stringify({ schemaVersion: 1, keys }, null, 2)}\n` : table(keys))
    if (keys.length === 0 && !json) io.stderr('there are no keys; `gatehouse keys new` adds one\n')
    return 0
  })
}

function show(name: string, key: Key, now: number): Shown {
  const { owner = null, description = null, roles, notBefore = null, expires = null } = key
  const secrets = key.secrets.map(secret => ({
    hash: secret.hash.slice(0, 'sha256:'.length + 8),
    state: stateOf(secret, now),
    notBefore: secret.notBefore ?? null,
    expires: secret.expires ?? null,
  }))
  return { name, owner, description, roles, state: keyState(key, now), notBefore, expires, secrets }
}

function keyState(key: Key, now: number): State {
  if (key.disabled) return 'disabled'
  const own = stateOf(key, now)
  if (own !== 'active') return own
  const states = key.secrets.map(secret => stateOf(secret, now))
  if (states.every(state => state === 'expired')) return 'expired'
  if (!states.includes('active')) return 'not yet valid'
  return states.filter(state => state !== 'expired').length > 1 ? 'rotating' : 'active'
}

function stateOf({ notBefore, expires }: Pick<KeySecret, 'notBefore' | 'expires'>, now: number): State {
  if (now >= instant(expires, Infinity)) return 'expired'
  return now < instant(notBefore, -Infinity) ? 'not yet valid' : 'active'
}

// What depends on a variable that is not set here is no bound that anything could be told about.
function instant(text: string | undefined, missing: number): number {
  return text === undefined || whyMalformed('instant', text) !== undefined ? missing : parseInstant(text)
}

function table(keys: readonly Shown[]): string {
  if (keys.length === 0) return ''
  const rows = keys.map(({ name, owner, roles, state, expires, secrets }) => {
    const hashes = secrets.map(({ hash, expires }) => {
      return expires === null
        ? hash.slice('sha256:'.length)
        : `${hash.slice('sha256:'.length)} until ${expires}`
    })
    return [name, owner ?? '-', roles.join(','), state, expires ?? 'never', hashes.join(', ')].map(printable)
  })
  const all = [['NAME', 'OWNER', 'ROLES', 'STATE', 'EXPIRES', 'SECRETS'], ...rows]
  const widths = all[0]!.map((_, column) => Math.max(...all.map(row => row[column]!.length)))
  return all
    .map(
      row =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column]!))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('')
}
