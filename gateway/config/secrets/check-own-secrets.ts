import { statSync } from 'node:fs'
import type { SecretReference } from '../../../schema/config.ts'
import { report } from '../document/load-context.ts'
import { isOpaque } from '../document/locate.ts'
import type { Path } from '../document/pointer.ts'
import { realPath } from '../document/real-path.ts'
import { secretReferences } from './secret-references.ts'
import type { Resolved } from './secrets.ts'
import { mask } from '../document/sensitive.ts'
import { reportAt, type CheckContext } from '../checks/check-context.ts'

/** Shortest text that is looked for inside others, and its fewest different characters: less is a placeholder. */
const shortestSought = 16
const minSecretLength = 4

/** What only the gateway itself may use. */
interface Own {
  /** Its place in the configuration, in words. */
  readonly place: string
  readonly env: string | undefined
  /** What identifies its file, by path and by inode. */
  readonly files: readonly string[]
  /** Texts that nothing else may hold; empty where it is public. */
  readonly texts: readonly string[]
}

/**
 * Checks that nothing which `pepper`, `sessions.secret` or `listen.tls` name is sent anywhere: by the same variable or
 * file, by the same text from another place, or by `${NAME}` in any text.
 */
export function checkOwnSecrets(context: CheckContext, resolved: Resolved): void {
  const all = secretReferences(context)
  const own = all.flatMap(([path, reference]) => ownOf(path, reference, resolved))
  if (own.length === 0) return
  for (const [path, reference] of all) {
    if (isSent(path)) checkSent(context, path, reference, own, resolved)
  }
  for (const { file, name, span } of context.loadContext.variables) {
    const known = own.find(({ env }) => env === name)
    if (known === undefined) continue
    const message = `\`${name}\` holds what \`${known.place}\` names, and that stays within the gateway; use another variable`
    report(context.loadContext, 'GH1360', { ...span, file }, message)
  }
  const texts = own.flatMap(({ place, texts }) => texts.map(text => ({ place, text })))
  if (texts.length > 0) {
    for (const block of ['auth', 'proxies'] as const)
      checkTexts(context, context.config[block], [block], texts)
  }
}

function ownOf(path: Path, reference: SecretReference, { find }: Resolved): Own[] {
  const place = path.join('.')
  if (place !== 'pepper' && place !== 'sessions.secret' && !place.startsWith('listen.tls.')) return []
  const { env, file } = reference
  const text = find(reference) ?? ''
  const texts =
    place === 'listen.tls.key'
      ? privateKeys(text)
      : place === 'pepper' || place === 'sessions.secret'
        ? [compact(text)]
        : []
  return [
    {
      place,
      env,
      files: env === undefined && file !== undefined ? identities(file) : [],
      texts: texts.filter(one => one.length >= shortestSought && new Set(one).size >= minSecretLength),
    },
  ]
}

/** References whose content leaves the gateway, or proves who it is; not those that it only verifies others with. */
function isSent(path: Path): boolean {
  const field = path.at(-1)
  const holder = path.at(-2)
  if (field === 'clientSecret' || field === 'privateKey') return true
  return path[0] === 'proxies' && (holder === 'headers' || holder === 'query' || field === 'key')
}

function checkSent(
  context: CheckContext,
  path: Path,
  reference: SecretReference,
  own: readonly Own[],
  { find }: Resolved,
): void {
  const { env, file } = reference
  const at = [...path, env === undefined ? 'file' : 'env']
  if (isOpaque(context.loadContext, context.config, at)) return
  const files = env === undefined && file !== undefined ? identities(file) : []
  const text = compact(find(reference) ?? '')
  const known = own.find(
    one =>
      (env !== undefined && one.env === env) ||
      files.some(identity => one.files.includes(identity)) ||
      one.texts.some(secret => text.includes(secret)),
  )
  if (known === undefined) return
  const message = `this leads to what \`${known.place}\` names, and that stays within the gateway; make a secret of its own for this`
  reportAt(context, 'GH1360', at, message)
}

function checkTexts(
  context: CheckContext,
  value: unknown,
  path: Path,
  texts: readonly { place: string; text: string }[],
): void {
  if (typeof value === 'string') {
    if (value.length < shortestSought) return
    const within = compact(value)
    const known = texts.find(({ text }) => within.includes(text))
    if (known === undefined) return
    mask(context.loadContext, context.config, path)
    const message = `this holds what \`${known.place}\` names, and that stays within the gateway; take it out, and make a new one if this was in the file`
    reportAt(context, 'GH1360', path, message)
  } else if (typeof value === 'object' && value !== null) {
    for (const [step, item] of Object.entries(value)) {
      checkTexts(context, item, [...path, Array.isArray(value) ? Number(step) : step], texts)
    }
  }
}

function identities(file: string): string[] {
  const real = realPath(file)
  try {
    const { dev, ino } = statSync(real)
    return [real, `${dev}:${ino}`]
  } catch {
    return [real]
  }
}

/** The private keys of a PEM file, which may hold certificates too. */
function privateKeys(text: string): string[] {
  return text.split('-----BEGIN ').flatMap(block => {
    const [label = '', body = ''] = block.split('-----', 2)
    return label.endsWith('PRIVATE KEY') ? [compact(body)] : []
  })
}

function compact(text: string): string {
  return text.replaceAll(/\s/g, '')
}
