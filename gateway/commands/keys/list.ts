import { resolve } from 'node:path'
import type { Key } from '../../../schema/config.ts'
import { printable, printableJson } from '../../lib/printable.ts'
import { secretWindow, stateAt, type State } from '../../values/window.ts'
import { parseCommandLine, type Io } from '../cli/io.ts'
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

const words = {
  valid: 'active',
  disabled: 'disabled',
  expired: 'expired',
  early: 'not yet valid',
} as const satisfies Record<State, string>

type Word = (typeof words)[State]

interface Shown {
  readonly name: string
  readonly owner: string | null
  readonly description: string | null
  readonly roles: readonly string[]
  readonly state: Word | 'rotating'
  readonly notBefore: string | null
  readonly expires: string | null
  readonly secrets: readonly {
    readonly hash: string
    readonly state: Word
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
    io.stdout(json ? `${printableJson(JSON.stringify({ schemaVersion: 1, keys }, null, 2))}\n` : table(keys))
    if (keys.length === 0 && !json) io.stderr('there are no keys; `gatehouse keys new` adds one\n')
    return 0
  })
}

function show(name: string, key: Key, now: number): Shown {
  const { owner = null, description = null, roles, notBefore = null, expires = null } = key
  const states = key.secrets.map(secret => stateAt(secretWindow(key, secret, noBound), key.disabled, now))
  const secrets = key.secrets.map((secret, index) => ({
    hash: abridged(secret.hash),
    state: words[states[index]!],
    notBefore: secret.notBefore ?? null,
    expires: secret.expires ?? null,
  }))
  return { name, owner, description, roles, state: stateOf(states), notBefore, expires, secrets }
}

/** Its kind, and 8 digits of what differs: a PHC string has the digest at its end, behind parameters and salt. */
function abridged(hash: string): string {
  const begins = Math.max(hash.indexOf(':'), hash.lastIndexOf('$')) + 1
  return `${hash.slice(0, hash.indexOf(':') + 1)}${hash.slice(begins, begins + 8)}`
}

/** A key is worth what the best of its secrets is. */
function stateOf(secrets: readonly State[]): Shown['state'] {
  if (secrets.includes('valid') && secrets.filter(state => state !== 'expired').length > 1) return 'rotating'
  const best = (['valid', 'early', 'expired', 'disabled'] as const).find(state => secrets.includes(state))!
  return words[best]
}

// What depends on a variable that is not set here is no bound that anything could be told about.
function noBound(): void {}

function table(keys: readonly Shown[]): string {
  if (keys.length === 0) return ''
  const rows = keys.map(({ name, owner, roles, state, expires, secrets }) => {
    const hashes = secrets.map(({ hash, expires }) => {
      return expires === null
        ? hash.slice(hash.indexOf(':') + 1)
        : `${hash.slice(hash.indexOf(':') + 1)} until ${expires}`
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
