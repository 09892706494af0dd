import { isUtf8 } from 'node:buffer'
import { dirname, isAbsolute, relative, resolve } from 'node:path'
import type { HeaderValue, SecretReference } from '../../../schema/config.ts'
import { checkHeaderValue } from '../checks/check-headers.ts'
import { checkKeyMaterial } from './check-key-material.ts'
import { checkProxyUrl } from './check-proxy-url.ts'
import { parseKeySet } from '../../values/pki/key-set.ts'
import { secretId, secretsFrom, type Secrets } from '../../values/secrets.ts'
import { MalformedError } from '../../values/malformed.ts'
import { findEntry, isSkipped, quoteValue } from '../document/locate.ts'
import type { Path } from '../document/pointer.ts'
import { secretReferences, type ReferenceKind } from './secret-references.ts'
import { variable } from '../read/variables.ts'
import { reportAt, type CheckContext } from '../checks/check-context.ts'

/** Secrets of one load. */
export interface ResolvedSecrets {
  readonly secrets: Secrets
  /** Every secret that was found, by the identity of its reference. */
  readonly texts: ReadonlyMap<string, string>
  /** Returns the secret of a reference that may be incomplete; undefined if it is absent. */
  textOf(reference: { env?: string | undefined; file?: string | undefined } | undefined): string | undefined
  /** Path of every reference to a file: absolute if written so, otherwise relative to the folder of the main file. */
  readonly paths: ReadonlyMap<object, string>
}

const minSessionSecretLength = 32
const minPepperLength = 32

/** Reads every secret that the configuration refers to, and makes the paths of files absolute. */
export function resolveSecrets(context: CheckContext): ResolvedSecrets {
  const values = new Map<string, string>()
  const paths = new Map<object, string>()
  const mainFolder = dirname([...context.loadContext.files.paths][0] ?? '/')
  for (const [path, reference, kind] of secretReferences(context)) {
    if (
      isSkipped(context.loadContext, context.config, [...path, reference.env === undefined ? 'file' : 'env'])
    )
      continue
    const file = reference.file ?? ''
    const value =
      reference.env === undefined
        ? readFile(context, path, reference, values)
        : readVariable(context, path, reference.env)
    // A reference that an alias repeats is absolute by now.
    if (reference.file !== undefined && !paths.has(reference))
      paths.set(reference, isAbsolute(file) ? file : relative(mainFolder, reference.file))
    if (value === undefined) continue
    values.set(secretId(reference), value)
    checkSecret(context, path, value, kind)
    checkScheme(context, path, value, reference as HeaderValue)
  }
  checkKeyMaterial(context, reference => reference && values.get(secretId(reference)))
  return {
    secrets: secretsFrom(values),
    texts: values,
    textOf: reference => (reference === undefined ? undefined : values.get(secretId(reference))),
    paths,
  }
}

function readVariable(context: CheckContext, path: Path, name: string): string | undefined {
  const { env, allowMissingEnv = false, isReload = false } = context.loadContext.options
  const value = variable(env, name)
  if (value !== undefined && value !== '') return value
  const at = [...path, 'env']
  if (allowMissingEnv && value === undefined) context.loadContext.missing.add(name)
  else {
    const quoted = quoteValue(context.loadContext, context.config, at)
    reportAt(context, 'GH1103', at, {
      message: `the environment variable ${quoted} is ${value === undefined ? 'not set' : 'empty'}`,
      help: isReload
        ? 'restart the gateway with it, because a running process gets no new variables; or use a file: `{file: path}`'
        : 'set it to the secret',
    })
  }
  return undefined
}

function readFile(
  context: CheckContext,
  path: Path,
  reference: SecretReference,
  values: ReadonlyMap<string, string>,
): string | undefined {
  const { loadContext, config } = context
  const at = [...path, 'file']
  const quoted = quoteValue(loadContext, config, at)
  // An alias may repeat a reference. Its path is relative to the file in which it was written.
  const folder = dirname(findEntry(loadContext, config, at).entry?.source.file ?? '/')
  reference.file = resolve(folder, reference.file ?? '')
  const known = values.get(secretId(reference))
  if (known !== undefined) return known
  const content = loadContext.files.read(reference.file)
  if (!Buffer.isBuffer(content)) {
    if (content.absent === true && loadContext.options.allowMissingEnv === true)
      loadContext.missing.add(reference.file)
    else {
      const message = `the file ${quoted} cannot be read: ${content.why}`
      reportAt(context, 'GH1104', at, { message, help: content.help })
    }
    return undefined
  }
  const text = content.toString('utf8').replace(/\r?\n$/, '')
  if (isUtf8(content) && text !== '') return text
  reportAt(context, 'GH1104', at, {
    message: `the file ${quoted} is ${text === '' ? 'empty' : 'not UTF-8 text'}`,
    help: 'write the secret to the file',
  })
  return undefined
}

function checkSecret(context: CheckContext, path: Path, value: string, kind: ReferenceKind): void {
  if (kind === 'header') checkHeaderValue(context, value, path)
  if (kind === 'line' && /[\r\n]/.test(value)) {
    const message = 'this secret contains a line break'
    reportAt(context, 'GH1104', path, { message, help: 'store the secret alone, on one line' })
  }
  if (kind === 'key-set') checkKeySet(context, path, value)
  if (kind === 'proxy-url') checkProxyUrl(context, path, value)
  const help = 'make one with `openssl rand -base64 48`'
  if (kind === 'session' && value.length < minSessionSecretLength) {
    const message = `the session secret has fewer than ${minSessionSecretLength} characters`
    reportAt(context, 'GH1105', path, { message, help })
  }
  if (kind === 'pepper' && value.length < minPepperLength) {
    const message = `the pepper has fewer than ${minPepperLength} characters`
    reportAt(context, 'GH1109', path, { message, help })
  }
}

/** Checks that a header does not get its scheme twice, as in `Bearer Bearer TOKEN`. */
function checkScheme(context: CheckContext, path: Path, value: string, { scheme }: HeaderValue): void {
  if (!scheme || !value.toLowerCase().startsWith(`${scheme.toLowerCase()} `)) return
  reportAt(context, 'GH1311', path, {
    message: `the secret begins with \`${scheme}\` already`,
    help: 'remove `scheme`, or the word from the secret',
  })
}

function checkKeySet(context: CheckContext, path: Path, text: string): void {
  try {
    parseKeySet(text)
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error
    const { message, help } = error
    reportAt(context, 'GH1106', [...path, 'file'], { message: `this file is ${message}`, help })
  }
}
