import { isUtf8 } from 'node:buffer'
import { dirname, isAbsolute, relative, resolve } from 'node:path'
import type { SecretReference } from '../../../schema/config.ts'
import { whyUnfit } from '../checks/check-headers.ts'
import { checkKeyMaterial } from './check-key-material.ts'
import { parseKeySet } from '../../values/pki/key-set.ts'
import { secretId, secretsFrom, type Secrets } from '../../values/secrets.ts'
import { MalformedError } from '../../values/malformed.ts'
import { find, isOpaque, written } from '../document/locate.ts'
import type { Path } from '../document/pointer.ts'
import { secretReferences, type ReferenceKind } from './secret-references.ts'
import { variable } from '../read/variables.ts'
import { reportAt, type CheckContext } from '../checks/check-context.ts'

/** The secrets of one load, by reference. */
export interface Resolved {
  readonly secrets: Secrets
  /** Every secret that was found, by what identifies its reference. */
  readonly texts: ReadonlyMap<string, string>
  /** The same for a reference that may be incomplete; undefined where the secret is absent. */
  find(reference: { env?: string | undefined; file?: string | undefined } | undefined): string | undefined
  /** For every reference to a file in the configuration its path: absolute as written, or from the main file's folder. */
  readonly paths: ReadonlyMap<object, string>
}

const shortestSessionSecret = 32
const shortestPepper = 32

/** Reads every secret that the configuration refers to, and makes the paths of files absolute. */
export function resolveSecrets(context: CheckContext): Resolved {
  const values = new Map<string, string>()
  const paths = new Map<object, string>()
  const mainFolder = dirname([...context.loadContext.files.paths][0] ?? '/')
  for (const [path, reference, kind] of secretReferences(context)) {
    if (
      isOpaque(context.loadContext, context.config, [...path, reference.env === undefined ? 'file' : 'env'])
    )
      continue
    const wrote = reference.file ?? ''
    const value =
      reference.env === undefined
        ? readFile(context, path, reference, values)
        : readVariable(context, path, reference.env)
    // One that an alias brings here again is absolute by now.
    if (reference.file !== undefined && !paths.has(reference))
      paths.set(reference, isAbsolute(wrote) ? wrote : relative(mainFolder, reference.file))
    if (value === undefined) continue
    values.set(secretId(reference), value)
    checkFitness(context, path, value, kind)
  }
  checkKeyMaterial(context, reference => reference && values.get(secretId(reference)))
  return {
    secrets: secretsFrom(values),
    texts: values,
    find: reference => (reference === undefined ? undefined : values.get(secretId(reference))),
    paths,
  }
}

function readVariable(context: CheckContext, path: Path, name: string): string | undefined {
  const { env, allowMissingEnv = false } = context.loadContext.options
  const value = variable(env, name)
  if (value !== undefined && value !== '') return value
  const at = [...path, 'env']
  if (allowMissingEnv && value === undefined) context.loadContext.missing.add(name)
  else {
    const wrote = written(context.loadContext, context.config, at)
    reportAt(
      context,
      'GH1103',
      at,
      `the environment variable ${wrote} is ${value === undefined ? 'not set' : 'empty'}; set it to the secret`,
    )
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
  const wrote = written(loadContext, config, at)
  // An alias may bring one reference to several places: its path is relative to where it was written.
  const folder = dirname(find(loadContext, config, at).entry?.source.file ?? '/')
  reference.file = resolve(folder, reference.file ?? '')
  const known = values.get(secretId(reference))
  if (known !== undefined) return known
  const content = loadContext.files.read(reference.file)
  if (!Buffer.isBuffer(content)) {
    if (content.absent === true && loadContext.options.allowMissingEnv === true)
      loadContext.missing.add(reference.file)
    else reportAt(context, 'GH1104', at, `the file ${wrote} cannot be read: ${content.why}`)
    return undefined
  }
  const text = content.toString('utf8').replace(/\r?\n$/, '')
  if (isUtf8(content) && text !== '') return text
  reportAt(
    context,
    'GH1104',
    at,
    `the file ${wrote} ${text === '' ? 'is empty' : 'is not text in UTF-8'}; put the secret there`,
  )
  return undefined
}

function checkFitness(context: CheckContext, path: Path, value: string, kind: ReferenceKind): void {
  const why = kind === 'header' ? whyUnfit(value) : undefined
  if (kind === 'line' && /[\r\n]/.test(value))
    reportAt(
      context,
      'GH1104',
      path,
      'what this refers to has a line break; put nothing but the secret there',
    )
  if (why !== undefined) reportAt(context, 'GH1311', path, `what this refers to ${why}`)
  if (kind === 'keys') checkKeySet(context, path, value)
  if (kind === 'session' && value.length < shortestSessionSecret) {
    const message = `the session secret has fewer than ${shortestSessionSecret} characters; make one with \`openssl rand -base64 48\``
    reportAt(context, 'GH1105', path, message)
  }
  if (kind === 'pepper' && value.length < shortestPepper) {
    const message = `the pepper has fewer than ${shortestPepper} characters; make one with \`openssl rand -base64 48\``
    reportAt(context, 'GH1109', path, message)
  }
}

function checkKeySet(context: CheckContext, path: Path, text: string): void {
  try {
    parseKeySet(text)
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error
    reportAt(context, 'GH1106', [...path, 'file'], `this file cannot be used: ${error.message}`)
  }
}
