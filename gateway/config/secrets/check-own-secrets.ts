import { statSync } from 'node:fs'
import type { SecretReference } from '../../../schema/config.ts'
import { report } from '../document/load-context.ts'
import { isSkipped } from '../document/locate.ts'
import type { Path } from '../document/pointer.ts'
import { realPath } from '../document/real-path.ts'
import { secretReferences } from './secret-references.ts'
import type { ResolvedSecrets } from './secrets.ts'
import { redact } from '../document/sensitive.ts'
import { reportAt, type CheckContext } from '../checks/check-context.ts'

/** Smallest length of a secret that is searched for in other texts, and its smallest number of different characters. */
const minSearchLength = 16
const minDistinctCharacters = 4

/** A secret that only the gateway itself may use. */
interface Own {
  /** Its place in the configuration, in words. */
  readonly place: string
  readonly env: string | undefined
  /** Identities of its file: the path, and the inode. */
  readonly files: readonly string[]
  /** Texts that nothing else may hold; empty for a public one. */
  readonly texts: readonly string[]
}

/**
 * Checks that the secrets of `pepper`, `sessions.secret` and `listen.tls` are sent nowhere: by the same variable or file,
 * by the same text from another place, or by `${NAME}` in any text.
 */
export function checkOwnSecrets(context: CheckContext, resolved: ResolvedSecrets): void {
  const all = secretReferences(context)
  const own = all.flatMap(([path, reference]) => ownOf(path, reference, resolved))
  if (own.length === 0) return
  for (const [path, reference] of all) {
    if (isSent(path)) checkSent(context, path, reference, own, resolved)
  }
  for (const { file, name, span } of context.loadContext.variables) {
    const known = own.find(({ env }) => env === name)
    if (known === undefined) continue
    report(
      context.loadContext,
      'GH1360',
      { ...span, file },
      {
        message: `\`${name}\` holds the value of \`${known.place}\`, which only the gateway may use`,
        help: 'use another variable',
      },
    )
  }
  const texts = own.flatMap(({ place, texts }) => texts.map(text => ({ place, text })))
  if (texts.length > 0) {
    for (const block of ['auth', 'proxies'] as const)
      checkTexts(context, context.config[block], [block], texts)
  }
}

function ownOf(path: Path, reference: SecretReference, { textOf }: ResolvedSecrets): Own[] {
  const place = path.join('.')
  if (place !== 'pepper' && place !== 'sessions.secret' && !place.startsWith('listen.tls.')) return []
  const { env, file } = reference
  const text = textOf(reference) ?? ''
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
      texts: texts.filter(one => one.length >= minSearchLength && new Set(one).size >= minDistinctCharacters),
    },
  ]
}

/** Returns whether the gateway sends the content of a reference, or proves its identity with it. */
function isSent(path: Path): boolean {
  const field = path.at(-1)
  const holder = path.at(-2)
  if (field === 'clientSecret' || field === 'privateKey') return true
  return (
    path[0] === 'proxies' &&
    (holder === 'headers' || holder === 'query' || field === 'key' || field === 'proxy')
  )
}

function checkSent(
  context: CheckContext,
  path: Path,
  reference: SecretReference,
  own: readonly Own[],
  { textOf }: ResolvedSecrets,
): void {
  const { env, file } = reference
  const at = [...path, env === undefined ? 'file' : 'env']
  if (isSkipped(context.loadContext, context.config, at)) return
  const files = env === undefined && file !== undefined ? identities(file) : []
  const text = compact(textOf(reference) ?? '')
  const known = own.find(
    one =>
      (env !== undefined && one.env === env) ||
      files.some(identity => one.files.includes(identity)) ||
      one.texts.some(secret => text.includes(secret)),
  )
  if (known === undefined) return
  const message = `this is the value of \`${known.place}\`, which only the gateway may use`
  reportAt(context, 'GH1360', at, { message, help: 'make another secret for this' })
}

function checkTexts(
  context: CheckContext,
  value: unknown,
  path: Path,
  texts: readonly { place: string; text: string }[],
): void {
  if (typeof value === 'string') {
    if (value.length < minSearchLength) return
    const within = compact(value)
    const known = texts.find(({ text }) => within.includes(text))
    if (known === undefined) return
    redact(context.loadContext, context.config, path)
    reportAt(context, 'GH1360', path, {
      message: `this text contains the value of \`${known.place}\`, which only the gateway may use`,
      help: 'remove it, and make a new secret if this was in the file',
    })
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

/** Returns the private keys of a PEM file, which may hold certificates too. */
function privateKeys(text: string): string[] {
  return text.split('-----BEGIN ').flatMap(block => {
    const [label = '', body = ''] = block.split('-----', 2)
    return label.endsWith('PRIVATE KEY') ? [compact(body)] : []
  })
}

function compact(text: string): string {
  return text.replaceAll(/\s/g, '')
}
