import { hashSecret, newSecret } from '../../auth/api-key/key.ts'
import type { Change } from '../../config/edit/edit.ts'
import { relativePath } from '../../config/report/render.ts'
import { parseDuration } from '../../values/units.ts'
import { windowOf } from '../../values/window.ts'
import type { Key } from '../../../schema/config.ts'
import { parseCommandLine } from '../cli/arguments.ts'
import type { Io } from '../cli/io.ts'
import { Refused, reporting, valid, withConfig, type OpenConfig } from './change.ts'
import {
  editing,
  editingExitCodes,
  instantText,
  nameFrom,
  noSuchKey,
  orUsage,
  placeOf,
  valueOf,
} from './options.ts'
import { pepperOf } from './pepper.ts'

const options = {
  overlap: {
    type: 'string',
    value: 'DURATION',
    default: '7d',
    help: 'Time until the current secrets expire; 0s replaces them at once',
  },
  ...editing,
} as const

export const help = {
  name: 'keys rotate',
  args: 'NAME',
  maxPositionals: 1,
  paragraphs: [
    'Adds a new secret to a key, and lets the current secrets expire after the overlap. Until then, both are accepted. Expired secrets are removed.',
    'The new secret is printed on stdout once, and stored nowhere.',
  ],
  options,
  exitCodes: editingExitCodes,
} as const

interface Rotation {
  readonly changes: readonly Change[]
  /** When the last of the current secrets expires; undefined when none stays. */
  readonly ends: number | undefined
  readonly removed: number
}

/** Runs the command. Returns the exit code. */
export async function run(args: string[], io: Io): Promise<number> {
  const parsed = await parseCommandLine(args, help, io)
  if (!parsed.ok) return parsed.exitCode
  const { values, positionals } = parsed
  const wanted = orUsage(help, io, () => {
    return {
      name: nameFrom(positionals),
      overlap: valueOf('--overlap', values.overlap, parseDuration),
      json: values.format === 'json',
    }
  })
  if (typeof wanted === 'number') return wanted
  return reporting(io, () =>
    withConfig(values.config, io, !values['dry-run'], open => replaceSecret(open, wanted, values, io)),
  )
}

function replaceSecret(
  open: OpenConfig,
  { name, overlap, json }: { name: string; overlap: number; json: boolean },
  { quiet, 'dry-run': dryRun }: { quiet: boolean; 'dry-run': boolean },
  io: Io,
): number {
  const loaded = valid(open.result)
  if (!Object.hasOwn(loaded.config.keys, name)) throw new Refused(noSuchKey(loaded, name))
  const key = loaded.config.keys[name]!
  const { file } = placeOf(loaded, name, io.cwd)
  const secret = newSecret()
  const { pepper, note } = pepperOf(loaded)
  const hash = hashSecret(secret, pepper)
  const { changes, ends, removed } = rotation(name, key, hash, open.now.getTime(), overlap)
  const text = open.change(file, changes)
  const say = (line: string): void => void (quiet || io.stderr(`${line}\n`))
  if (note !== undefined) say(note)
  const shown = { name, file, oldSecretsEnd: ends === undefined ? null : instantText(ends), removed }
  if (dryRun) {
    io.stdout(json ? `${JSON.stringify({ schemaVersion: 1, dryRun, ...shown, text })}\n` : text)
    say('nothing was written; the secret of the new hash above was discarded')
    return 0
  }
  if (key.disabled) say(`key ${name} is disabled and stays disabled`)
  if (endOf(key) <= open.now.getTime()) say(`key ${name} has expired and stays expired`)
  if (removed > 0) say(`removed ${removed} ${removed === 1 ? 'secret' : 'secrets'}`)
  say(
    ends === undefined
      ? 'earlier secrets are no longer valid'
      : `earlier secrets expire at ${instantText(ends)}`,
  )
  say(`added a secret to key ${name} in ${relativePath(file, io.cwd)}; it is shown once and stored nowhere:`)
  io.stdout(json ? `${JSON.stringify({ schemaVersion: 1, ...shown, secret, hash })}\n` : `${secret}\n`)
  return 0
}

/** Returns the changes that add a secret to a key, and let its current ones expire after the overlap. */
function rotation(name: string, key: Key, hash: string, now: number, overlap: number): Rotation {
  const secrets = ['keys', name, 'secrets']
  // A secret must not outlive its key.
  const end = Math.min(wholeSecond(now + overlap), endOf(key))
  const changes: Change[] = [{ append: secrets, item: { hash } }]
  const gone: Change[] = []
  const ends: number[] = []
  for (const [index, secret] of key.secrets.entries()) {
    const { begins, ends: own } = windowOf(secret, refuseUnset)
    const last = Math.min(own, end)
    if (overlap === 0 || last <= now || begins >= last) gone.unshift({ remove: [...secrets, index] })
    else {
      ends.push(last)
      if (own > end) changes.push({ set: [...secrets, index, 'expires'], to: instantText(end) })
    }
  }
  return {
    changes: [...changes, ...gone],
    ends: ends.length === 0 ? undefined : Math.max(...ends),
    removed: gone.length,
  }
}

// Instants in the file have no milliseconds. Rounding up keeps the overlap from ending early.
function wholeSecond(milliseconds: number): number {
  return Math.ceil(milliseconds / 1000) * 1000
}

function endOf({ expires }: Pick<Key, 'expires'>): number {
  return windowOf({ expires }, refuseUnset).ends
}

function refuseUnset(text: string): never {
  throw new Refused(
    `the expiry of this key depends on ${text}, which is not set here; set it, or edit the file by hand`,
  )
}
