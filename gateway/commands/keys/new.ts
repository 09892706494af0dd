import { hashSecret, newSecret } from '../../auth/api-key/key.ts'
import type { Change } from '../../config/edit/edit.ts'
import type { Value } from '../../config/schema/notation.ts'
import { shownPath } from '../../config/report/render.ts'
import { instead, nearest } from '../../config/document/suggest.ts'
import { parseDuration, parseInstant } from '../../values/units.ts'
import { parseCommandLine, type Io } from '../cli/io.ts'
import { Refused, reporting, withConfig, type OpenConfig, type Surroundings } from './change.ts'
import {
  editing,
  editingUsage,
  instantText,
  isJson,
  nameFrom,
  orUsage,
  placeOf,
  UsageError,
} from './options.ts'
import { pepperOf } from './pepper.ts'

const usage = `gatehouse keys new NAME --role ROLE [--role ROLE] [options]

Adds a key to the configuration, with the hash of a new secret. The secret is
printed on stdout, once: it is stored nowhere.

  --role ROLE            a role that the key holds; may be given several times
  --owner OWNER          who answers for the key
  --description TEXT     what the key is for
  --expires WHEN         a date or time, a duration from now, such as 90d, or
                         never (default: 365d)
${editingUsage}`

const options = {
  ...editing,
  role: { type: 'string', multiple: true, default: [] as string[] },
  owner: { type: 'string' },
  description: { type: 'string' },
  expires: { type: 'string', default: '365d' },
} as const

/** What a new key is to be. */
export interface KeyRequest {
  readonly name: string
  readonly roles: readonly string[]
  readonly owner?: string | undefined
  readonly description?: string | undefined
  /** An instant, as it is to be written. */
  readonly expires?: string | undefined
}

/** A key that was added, or would have been. */
export interface AddedKey {
  readonly secret: string
  readonly hash: string
  /** The file that holds it. */
  readonly file: string
  /** That file's new text. */
  readonly text: string
  /** What there is to say of the hash. */
  readonly note: string | undefined
}

/** The command. Returns the exit code. */
export async function newKey(args: string[], io: Io): Promise<number> {
  const parsed = parseCommandLine(args, options, usage, io, { positionals: 1 })
  if (!parsed.ok) return parsed.exitCode
  const { values, positionals } = parsed
  const wanted = orUsage(usage, io, () => {
    const { owner, description } = values
    const roles = [...new Set(values.role)]
    if (roles.length === 0) throw new UsageError('a key needs a role: give one with --role')
    const expires = values.expires === 'never' ? undefined : expiry(values.expires, Date.now())
    return { name: nameFrom(positionals), roles, owner, description, expires, json: isJson(values.format) }
  })
  if (typeof wanted === 'number') return wanted
  return reporting(io, async () => {
    const write = !values['dry-run']
    await addKey(values.config, wanted, io, write, added => tell(added, wanted, io, { ...values, write }))
    return 0
  })
}

/**
 * Adds a key to a configuration.
 *
 * @param write whether to write the file
 * @param announce called when that is done, and before anything can interrupt
 * @throws Refused where the name is taken, a role does not exist, or the configuration has errors; EditError; what the
 *   file system throws
 */
export async function addKey(
  config: string,
  request: KeyRequest,
  surroundings: Surroundings,
  write: boolean,
  announce: (added: AddedKey) => void,
): Promise<void> {
  await withConfig(config, surroundings, write, open => {
    check(open, request, surroundings)
    const secret = newSecret()
    const add = (hash: string): Change => ({ set: ['keys', request.name], to: entry(request, hash) })
    // Without a first key the file may not be one that could be read; with a key it is.
    const loaded = open.result.loaded ?? open.preview(open.path, [add(hashSecret(secret))])
    const { pepper, note } = pepperOf(loaded)
    const hash = hashSecret(secret, pepper)
    announce({ secret, hash, note, file: open.path, text: open.change(open.path, [add(hash)]) })
  })
}

function check({ result }: OpenConfig, { name, roles }: KeyRequest, { cwd }: Surroundings): void {
  const { loaded, diagnostics } = result
  if (loaded === undefined) {
    // `keys:` with nothing behind it is what the first key is to be added to.
    const errors = diagnostics.filter(({ severity }) => severity === 'error')
    if (errors.every(({ code, path }) => code === 'GH1203' && path === '/keys')) return
    throw new Refused('', result)
  }
  if (Object.hasOwn(loaded.config.keys, name)) {
    throw new Refused(
      `there is a key \`${name}\` already, at ${placeOf(loaded, name, cwd).text}: choose another name, or use \`keys rotate\``,
    )
  }
  const known = Object.keys(loaded.config.roles)
  const unknown = roles.find(role => !known.includes(role))
  if (unknown !== undefined) {
    throw new Refused(
      `there is no role \`${unknown}\`${instead(nearest(unknown, known), known, 'the file has no roles at all')}`,
    )
  }
}

function entry({ owner, description, roles, expires }: KeyRequest, hash: string): Value {
  return {
    ...(owner !== undefined && { owner: literal(owner) }),
    ...(description !== undefined && { description: literal(description) }),
    roles,
    ...(expires !== undefined && { expires }),
    secrets: [{ hash }],
  }
}

// The configuration takes `${NAME}` for a variable and `$$` for a dollar sign.
function literal(text: string): string {
  return /\$[${]/.test(text) ? text.replaceAll('$', '$$$$') : text
}

function expiry(written: string, now: number): string {
  const duration = /^\d+[a-z]+$/.test(written)
  const at = duration ? now + parseDuration(written) : parseInstant(written)
  if (at <= now) throw new UsageError('--expires is in the past')
  return duration ? instantText(at) : written
}

function tell(
  { secret, hash, note, file, text }: AddedKey,
  { name, expires, json }: Pick<KeyRequest, 'name' | 'expires'> & { json: boolean },
  io: Io,
  { quiet, write }: { quiet: boolean; write: boolean },
): void {
  const say = (words: string): void => void (quiet || io.stderr(`${words}\n`))
  const shown = shownPath(file, io.cwd)
  if (note !== undefined) say(note)
  if (!write) {
    io.stdout(json ? `${JSON.stringify({ schemaVersion: 1, dryRun: true, name, file, text })}\n` : text)
    say('nothing was written, and the hash above is of a secret that nobody knows')
    return
  }
  const end = expires === undefined ? 'never expires' : `expires at ${expires}`
  say(`key ${name} is in ${shown}, and ${end}; this is its secret, which is shown once and stored nowhere:`)
  io.stdout(json ? `${JSON.stringify({ schemaVersion: 1, name, secret, hash, file })}\n` : `${secret}\n`)
}
