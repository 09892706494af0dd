import { resolve } from 'node:path'
import type { Key } from '../../../schema/config.ts'
import { printable, printableJson } from '../../lib/printable.ts'
import { secretWindow, stateAt, type State } from '../../values/window.ts'
import { parseCommandLine } from '../cli/arguments.ts'
import type { Io } from '../cli/io.ts'
import { read, reporting, valid } from './change.ts'
import { editing } from './options.ts'

const { config, format } = editing
const options = { config, format } as const

export const help = {
  name: 'keys list',
  paragraphs: [
    'Lists the keys of a configuration: owner, roles, state and expiry, and the first 8 digits of the hash of each secret.',
  ],
  options,
  exitCodes: [
    ['0', 'The keys were listed'],
    ['1', 'The configuration has errors'],
    ['2', 'Invalid usage, or a configuration that cannot be read'],
  ],
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

/** Runs the command. Returns the exit code. */
export async function run(args: string[], io: Io): Promise<number> {
  const parsed = await parseCommandLine(args, help, io)
  if (!parsed.ok) return parsed.exitCode
  const json = parsed.values.format === 'json'
  return reporting(io, () => {
    const now = new Date()
    const { config } = valid(read(resolve(io.cwd, parsed.values.config), io, now))
    const keys = Object.entries(config.keys).map(([name, key]) => show(name, key, now.getTime()))
    io.stdout(json ? `${printableJson(JSON.stringify({ schemaVersion: 1, keys }, null, 2))}\n` : table(keys))
    if (keys.length === 0 && !json)
      io.stderr('the configuration has no keys; add one with `gatehouse keys new`\n')
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

/** Returns the kind of a hash and 8 digits of the digest. In a PHC string the digest comes last, after parameters and salt. */
function abridged(hash: string): string {
  const begins = Math.max(hash.indexOf(':'), hash.lastIndexOf('$')) + 1
  return `${hash.slice(0, hash.indexOf(':') + 1)}${hash.slice(begins, begins + 8)}`
}

/** Returns the state of a key: that of its best secret, or rotating while several can be valid. */
function stateOf(secrets: readonly State[]): Shown['state'] {
  if (secrets.includes('valid') && secrets.filter(state => state !== 'expired').length > 1) return 'rotating'
  const best = (['valid', 'early', 'expired', 'disabled'] as const).find(state => secrets.includes(state))!
  return words[best]
}

// A bound that depends on a variable that is not set here is treated as absent.
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
