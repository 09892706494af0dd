import { hashSecret, newSecret } from '../../auth/api-key/key.ts'
import type { Change } from '../../config/edit/edit.ts'
import { shownPath } from '../../config/report/render.ts'
import { parseDuration } from '../../values/units.ts'
import { windowOf } from '../../values/window.ts'
import type { Key } from '../../../schema/config.ts'
import { parseCommandLine, type Io } from '../cli/io.ts'
import { Refused, reporting, valid, withConfig, type OpenConfig } from './change.ts'
import {
  editing,
  editingUsage,
  instantText,
  isJson,
  nameFrom,
  noSuchKey,
  orUsage,
  placeOf,
} from './options.ts'
import { pepperOf } from './pepper.ts'

const usage = `gatehouse keys rotate NAME [--overlap 7d] [options]

Gives a key a new secret, and its present ones an end: until then both are
accepted. Secrets that have expired are taken out. The new secret is printed on
stdout, once: it is stored nowhere.

  --overlap DURATION     how long the present secrets go on (default: 7d); 0s
                         replaces them at once
${editingUsage}`

const options = { ...editing, overlap: { type: 'string', default: '7d' } } as const

interface Rotation {
  readonly changes: readonly Change[]
  /** When the last of the present secrets ends; undefined where none goes on. */
  readonly ends: number | undefined
  readonly removed: number
}

/** The command. Returns the exit code. */
export async function rotate(args: string[], io: Io): Promise<number> {
  const parsed = parseCommandLine(args, options, usage, io, { positionals: 1 })
  if (!parsed.ok) return parsed.exitCode
  const { values, positionals } = parsed
  const wanted = orUsage(usage, io, () => {
    return {
      name: nameFrom(positionals),
      overlap: parseDuration(values.overlap),
      json: isJson(values.format),
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
  const say = (words: string): void => void (quiet || io.stderr(`${words}\n`))
  if (note !== undefined) say(note)
  const shown = { name, file, oldSecretsEnd: ends === undefined ? null : instantText(ends), removed }
  if (dryRun) {
    io.stdout(json ? `${JSON.stringify({ schemaVersion: 1, dryRun, ...shown, text })}\n` : text)
    say('nothing was written, and the new hash above is of a secret that nobody knows')
    return 0
  }
  if (key.disabled) say(`key ${name} is disabled, and stays so`)
  if (endOf(key) <= open.now.getTime()) say(`key ${name} has expired, and stays so`)
  if (removed > 0) say(`${removed} ${removed === 1 ? 'secret was' : 'secrets were'} taken out`)
  say(
    ends === undefined
      ? 'no earlier secret is valid any more'
      : `earlier secrets end at ${instantText(ends)}`,
  )
  say(`key ${name} in ${shownPath(file, io.cwd)} has a new secret, which is shown once and stored nowhere:`)
  io.stdout(json ? `${JSON.stringify({ schemaVersion: 1, ...shown, secret, hash })}\n` : `${secret}\n`)
  return 0
}

/** What to change so that a key has a new secret, and its present ones end when the overlap does. */
function rotation(name: string, key: Key, hash: string, now: number, overlap: number): Rotation {
  const secrets = ['keys', name, 'secrets']
  // No later than the key itself: an end that nobody had set before would otherwise come with a longer life.
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

// What is written has no milliseconds, and an overlap is not to end before its time.
function wholeSecond(milliseconds: number): number {
  return Math.ceil(milliseconds / 1000) * 1000
}

function endOf({ expires }: Pick<Key, 'expires'>): number {
  return windowOf({ expires }, refuseUnset).ends
}

function refuseUnset(text: string): never {
  throw new Refused(
    `when this key ends depends on ${text}, which is not set here: set it, or edit the file by hand`,
  )
}
