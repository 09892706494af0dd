import { resolve } from 'node:path'
import { hashSecret } from '../../auth/api-key/key.ts'
import { helpWithName, nearest } from '../../config/document/suggest.ts'
import type { Change } from '../../config/edit/edit.ts'
import { relativePath } from '../../config/report/render.ts'
import type { Value } from '../../config/schema/notation.ts'
import { parseDuration, parseInstant } from '../../values/units.ts'
import { Refused, withConfig, type OpenConfig, type Surroundings } from './change.ts'
import { instantText, placeOf, UsageError, valueOf } from './options.ts'
import { pepperOf } from './pepper.ts'

/** Options of the commands that add keys. */
export const adding = {
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
  into: {
    type: 'string',
    value: 'FILE',
    help: 'Fragment that gets the key, such as teams/search.yaml',
    defaultHelp: 'the configuration file itself',
  },
} as const

/** Fields of new keys. */
export interface KeyFields {
  readonly roles: readonly string[]
  readonly owner?: string | undefined
  readonly description?: string | undefined
  /** An instant, as the file will have it. */
  readonly expires?: string | undefined
}

/** A new key by its name, and its secret in clear, or its hash. */
export type NewKey = { readonly name: string } & ({ readonly secret: string } | { readonly hash: string })

/** Keys that were added or, in a dry run, would have been. */
export interface Added {
  readonly keys: readonly { readonly name: string; readonly hash: string }[]
  /** The file that holds them. */
  readonly file: string
  /** New text of that file. */
  readonly text: string
  /** A warning about the hashes. */
  readonly note: string | undefined
}

/** Reads the options that describe a key. Throws UsageError. */
export function fieldsFrom(values: {
  readonly role: readonly string[]
  readonly owner: string | undefined
  readonly description: string | undefined
  readonly expires: string
}): KeyFields {
  const { owner, description } = values
  const roles = [...new Set(values.role)]
  if (roles.length === 0) throw new UsageError('a key needs a role; add `--role ROLE`')
  const expires = values.expires === 'never' ? undefined : expiry(values.expires, Date.now())
  return { roles, owner, description, expires }
}

/**
 * Adds keys with the same fields to a configuration: all of them, or none.
 *
 * @param into the fragment that gets them; undefined for the main file
 * @param write whether to write the file
 * @param announce called when the file is written, before a signal can end the process
 * @throws Refused when a name is taken, a role does not exist, or the configuration has errors; EditError; errors of the
 *   file system
 */
export async function addKeys(
  config: string,
  into: string | undefined,
  fields: KeyFields,
  keys: readonly NewKey[],
  surroundings: Surroundings,
  write: boolean,
  announce: (added: Added) => void,
): Promise<void> {
  await withConfig(config, surroundings, write, open => {
    check(open, fields, keys, surroundings)
    const file = fileFor(open, into, surroundings)
    const add = (hashes: readonly string[]): Change => ({
      add: ['keys'],
      fields: Object.fromEntries(keys.map(({ name }, at) => [name, entry(fields, hashes[at]!)])),
    })
    const hashes = (pepper?: string): string[] =>
      keys.map(key => ('hash' in key ? key.hash : hashSecret(key.secret, pepper)))
    // An empty `keys:` block is an error until the first key is in it.
    const loaded = open.result.loaded ?? open.preview(file, [add(hashes())])
    const { pepper, note } = pepperOf(loaded)
    const made = hashes(pepper)
    const text = open.change(file, [add(made)])
    announce({ keys: keys.map(({ name }, at) => ({ name, hash: made[at]! })), note, file, text })
  })
}

/** Returns the file that gets the keys. Throws Refused when the configuration does not include it. */
function fileFor({ path, result }: OpenConfig, into: string | undefined, { cwd }: Surroundings): string {
  if (into === undefined) return path
  const file = resolve(cwd, into)
  if (result.files.includes(file)) return file
  throw new Refused(
    `${relativePath(file, cwd)} is not a file of this configuration; create it with \`keys: {}\` and add it under \`include\``,
  )
}

function check(
  { result }: OpenConfig,
  { roles }: KeyFields,
  keys: readonly NewKey[],
  { cwd }: Surroundings,
): void {
  const { loaded, diagnostics } = result
  if (loaded === undefined) {
    // An empty `keys:` block is where the first key goes.
    const errors = diagnostics.filter(({ severity }) => severity === 'error')
    if (errors.every(({ code, path }) => code === 'GH1203' && path === '/keys')) return
    throw new Refused('', result)
  }
  const taken = keys.find(({ name }) => Object.hasOwn(loaded.config.keys, name))?.name
  if (taken !== undefined) {
    throw new Refused(
      `key \`${taken}\` already exists, at ${placeOf(loaded, taken, cwd).text}; choose another name, or run \`gatehouse keys rotate ${taken}\``,
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

function entry({ owner, description, roles, expires }: KeyFields, hash: string): Value {
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
