import { hashSecret, newSecret } from '../../auth/api-key/key.ts'
import type { Change } from '../../config/edit/edit.ts'
import type { Value } from '../../config/schema/notation.ts'
import { relativePath } from '../../config/report/render.ts'
import { helpWithName, nearest } from '../../config/document/suggest.ts'
import { parseDuration, parseInstant } from '../../values/units.ts'
import { parseCommandLine } from '../cli/arguments.ts'
import type { Io } from '../cli/io.ts'
import { Refused, reporting, withConfig, type OpenConfig, type Surroundings } from './change.ts'
import {
  editing,
  editingExitCodes,
  instantText,
  nameFrom,
  orUsage,
  placeOf,
  UsageError,
  valueOf,
} from './options.ts'
import { pepperOf } from './pepper.ts'

const options = {
  role: {
    type: 'string',
    value: 'ROLE',
    multiple: true,
    default: [] as string[],
    help: 'Role that the key holds; repeat the option for more roles',
  },
  owner: { type: 'string', value: 'OWNER', help: 'Person or team that answers for the key' },
  description: { type: 'string', value: 'TEXT', help: 'Purpose of the key' },
  expires: {
    type: 'string',
    value: 'WHEN',
    default: '365d',
    help: 'A date or time, a duration from now such as 90d, or never',
  },
  ...editing,
} as const

export const help = {
  name: 'keys new',
  args: 'NAME --role ROLE',
  maxPositionals: 1,
  paragraphs: [
    'Adds a key with a new secret to the configuration, which holds only the hash. The secret is printed on stdout once, and stored nowhere.',
  ],
  options,
  exitCodes: editingExitCodes,
} as const

/** Fields of a new key. */
export interface KeyRequest {
  readonly name: string
  readonly roles: readonly string[]
  readonly owner?: string | undefined
  readonly description?: string | undefined
  /** An instant, as the file will have it. */
  readonly expires?: string | undefined
}

/** A key that was added or, in a dry run, would have been. */
export interface AddedKey {
  readonly secret: string
  readonly hash: string
  /** The file that holds it. */
  readonly file: string
  /** New text of that file. */
  readonly text: string
  /** A warning about the hash. */
  readonly note: string | undefined
}

/** Runs the command. Returns the exit code. */
export async function run(args: string[], io: Io): Promise<number> {
  const parsed = await parseCommandLine(args, help, io)
  if (!parsed.ok) return parsed.exitCode
  const { values, positionals } = parsed
  const wanted = orUsage(help, io, () => {
    const { owner, description } = values
    const roles = [...new Set(values.role)]
    if (roles.length === 0) throw new UsageError('a key needs a role; add `--role ROLE`')
    const expires = values.expires === 'never' ? undefined : expiry(values.expires, Date.now())
    return { name: nameFrom(positionals), roles, owner, description, expires, json: values.format === 'json' }
  })
  if (typeof wanted === 'number') return wanted
  return reporting(io, async () => {
    const write = !values['dry-run']
    await addKey(values.config, wanted, io, write, added => report(added, wanted, io, { ...values, write }))
    return 0
  })
}

/**
 * Adds a key to a configuration.
 *
 * @param write whether to write the file
 * @param announce called when the file is written, before a signal can end the process
 * @throws Refused when the name is taken, a role does not exist, or the configuration has errors; EditError; errors of
 *   the file system
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
    // An empty `keys:` block is an error until the first key is in it.
    const loaded = open.result.loaded ?? open.preview(open.path, [add(hashSecret(secret))])
    const { pepper, note } = pepperOf(loaded)
    const hash = hashSecret(secret, pepper)
    announce({ secret, hash, note, file: open.path, text: open.change(open.path, [add(hash)]) })
  })
}

function check({ result }: OpenConfig, { name, roles }: KeyRequest, { cwd }: Surroundings): void {
  const { loaded, diagnostics } = result
  if (loaded === undefined) {
    // An empty `keys:` block is where the first key goes.
    const errors = diagnostics.filter(({ severity }) => severity === 'error')
    if (errors.every(({ code, path }) => code === 'GH1203' && path === '/keys')) return
    throw new Refused('', result)
  }
  if (Object.hasOwn(loaded.config.keys, name)) {
    throw new Refused(
      `key \`${name}\` already exists, at ${placeOf(loaded, name, cwd).text}; choose another name, or run \`gatehouse keys rotate ${name}\``,
    )
  }
  const known = Object.keys(loaded.config.roles)
  const unknown = roles.find(role => !known.includes(role))
  if (unknown !== undefined) {
    throw new Refused(
      `unknown role \`${unknown}\`; ${helpWithName(nearest(unknown, known), known, 'declare it under `roles`')}`,
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

// In the configuration, `${NAME}` is a variable and `$$` is a dollar sign.
function literal(text: string): string {
  return /\$[${]/.test(text) ? text.replaceAll('$', '$$$$') : text
}

function expiry(written: string, now: number): string {
  const duration = /^\d+[a-z]+$/.test(written)
  const at = valueOf('--expires', written, text =>
    duration ? now + parseDuration(text) : parseInstant(text),
  )
  if (at <= now) throw new UsageError('`--expires` is in the past')
  return duration ? instantText(at) : written
}

function report(
  { secret, hash, note, file, text }: AddedKey,
  { name, expires, json }: Pick<KeyRequest, 'name' | 'expires'> & { json: boolean },
  io: Io,
  { quiet, write }: { quiet: boolean; write: boolean },
): void {
  const say = (line: string): void => void (quiet || io.stderr(`${line}\n`))
  const shown = relativePath(file, io.cwd)
  if (note !== undefined) say(note)
  if (!write) {
    io.stdout(json ? `${JSON.stringify({ schemaVersion: 1, dryRun: true, name, file, text })}\n` : text)
    say('nothing was written; the secret of the hash above was discarded')
    return
  }
  const end = expires === undefined ? 'never expires' : `expires at ${expires}`
  say(`added key ${name} to ${shown}; it ${end}`)
  say('its secret, which is shown once and stored nowhere:')
  io.stdout(json ? `${JSON.stringify({ schemaVersion: 1, name, secret, hash, file })}\n` : `${secret}\n`)
}
