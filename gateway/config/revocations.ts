import { dirname, resolve } from 'node:path'
import { digestOfFile, isSpecial } from './document/content-digest.ts'
import type { Diagnostic, Explanation, Span } from './document/diagnostics.ts'
import { readSource } from './document/files.ts'
import { parseFingerprint } from '../values/fingerprint.ts'
import { createLoadContext, report, type LoadContext } from './document/load-context.ts'
import type { LoadOptions } from './document/load-options.ts'
import { isOpaque, locate, nodeSpan } from './document/locate.ts'
import { parseSource } from './read/parse.ts'
import { toPointer, type Path } from './document/pointer.ts'
import { isSystemPath } from './document/real-path.ts'
import { revocationId, type RevocationEntries } from '../values/revocation-id.ts'
import { validateRevocations } from './schema/schema.ts'
import { checkSchema } from './schema/schema-errors.ts'
import { shownSources } from './document/sensitive.ts'
import { spanBetween, type Source } from './document/source.ts'
import { helpWithName, nearest } from './document/suggest.ts'
import { limitDiagnostics } from './document/diagnostic-limit.ts'
import { isPlainMap, toPlain } from './read/tree.ts'
import { entries, items, reportAt, type CheckContext } from './checks/check-context.ts'

/** Bytes that a revocations file may have. */
const maxSize = 2 ** 20

/** Names of the configuration that a revocations file may refer to. */
export interface RevocableNames {
  readonly keys: readonly string[]
  readonly issuers: readonly string[]
  /** Hashes of secrets. */
  readonly hashes: readonly string[]
}

/** What came of reading a revocations file. */
export interface RevocationsResult {
  readonly diagnostics: Diagnostic[]
  readonly omitted: number
  readonly sources: Map<string, string>
  /** What was found at its path, as `digestOfFile` says it. */
  readonly digest: string
  /** There when no diagnostic is an error. */
  readonly entries?: RevocationEntries
}

/** Reads and checks a revocations file, without what the configuration says of it. */
export function readRevocations(
  file: string,
  names: RevocableNames,
  options: Pick<LoadOptions, 'now' | 'readFile'>,
): RevocationsResult {
  const loadContext = createLoadContext({ ...options, env: {} })
  // It may be another than the one that was there when the configuration was checked.
  const why = whyUnfit(loadContext, file)
  if (why !== undefined) report(loadContext, 'GH1380', startOf(file), why)
  const found = why === undefined ? readEntries(loadContext, file, names) : undefined
  const { diagnostics, omitted } = limitDiagnostics(loadContext)
  return {
    diagnostics,
    omitted,
    sources: shownSources(loadContext),
    digest: loadContext.files.digests.get(file) ?? digestOfFile(file),
    ...(found !== undefined && loadContext.found.error === 0 && { entries: found }),
  }
}

/** Returns the absolute path of the revocations file that a main file names. */
export function revocationsPath(main: string, named: string): string {
  return resolve(dirname(main), named)
}

/** Checks that `revocations` names a file of its own; unless told otherwise, reads and checks that file as well. */
export function checkRevocations(context: CheckContext, main: Source): void {
  const { loadContext, config } = context
  const { revocations: named } = config
  if (named === undefined || isOpaque(loadContext, config, ['revocations'])) return
  const file = revocationsPath(main.file, named)
  const why = whyUnfit(loadContext, file)
  if (why !== undefined) {
    reportAt(context, 'GH1380', ['revocations'], why)
    return
  }
  loadContext.revocations = file
  if (loadContext.options.revocations === false) return
  // References to the environment mean nothing in that file, and it may be absent where secrets may.
  const { allowMissingEnv = false, ...options } = loadContext.options
  const own = createLoadContext({ ...options, env: {} })
  const content = own.files.read(file)
  if (!Buffer.isBuffer(content)) {
    loadContext.files.paths.add(file)
    if (allowMissingEnv && content.absent === true) return
    const message = `the revocations file cannot be read: ${content.why}`
    reportAt(context, 'GH1031', ['revocations'], { message, help: content.help })
    return
  }
  readEntries(own, file, revocableNames(config))
  adopt(loadContext, own)
}

function startOf(file: string): Span {
  return { file, line: 1, column: 1, endLine: 1, endColumn: 1 }
}

function whyUnfit(loadContext: LoadContext, file: string): Explanation | undefined {
  const help = 'name a regular file of its own, such as `revoked.yaml`'
  if (loadContext.files.sources.has(file)) {
    return { message: 'the revocations file is also part of the configuration', help }
  }
  if (isSystemPath(file)) return { message: 'the revocations file is in /proc, /sys or /dev', help }
  return loadContext.options.readFile === undefined && isSpecial(file)
    ? { message: 'the revocations file is a pipe or a device', help }
    : undefined
}

/** Returns what a revocations file may refer to. */
export function revocableNames(config: CheckContext['config']): RevocableNames {
  return {
    keys: entries(config.keys).map(([name]) => name),
    hashes: entries(config.keys).flatMap(([, { secrets }]) =>
      items(secrets).flatMap(([, { hash }]) => (hash === undefined ? [] : [hash])),
    ),
    issuers: entries(config.auth).flatMap(([, method]) =>
      'issuer' in method && method.issuer !== undefined ? [method.issuer] : [],
    ),
  }
}

/** Makes what one load found part of another. */
function adopt(loadContext: LoadContext, own: LoadContext): void {
  for (const one of own.diagnostics) loadContext.diagnostics.push(one)
  for (const severity of ['error', 'warning', 'info'] as const) {
    loadContext.found[severity] += own.found[severity]
  }
  for (const mask of own.masks) loadContext.masks.push(mask)
  for (const [file, source] of own.files.sources) loadContext.files.sources.set(file, source)
  for (const [path, digest] of own.files.digests) loadContext.files.digests.set(path, digest)
  for (const path of own.files.paths) loadContext.files.paths.add(path)
}

function readEntries(
  loadContext: LoadContext,
  file: string,
  names: RevocableNames,
): RevocationEntries | undefined {
  const at = startOf(file)
  const source = readSource(loadContext.files, file)
  if ('why' in source) {
    const code = source.code === 'GH1001' ? 'GH1031' : source.code
    const message = `the revocations file cannot be read: ${source.why}`
    report(loadContext, code, at, { message, help: source.help })
    return undefined
  }
  if (Buffer.byteLength(source.text) > maxSize) {
    const message = 'the revocations file is larger than 1 MiB'
    report(loadContext, 'GH1002', at, { message, help: 'remove entries that are no longer needed' })
    return undefined
  }
  const node = parseSource(loadContext, source)
  if (node === undefined) return undefined
  if (node === null) {
    const help = 'write `version: 1` to revoke nothing'
    report(loadContext, 'GH1012', spanBetween(source, 0, 0), { message: 'the file is empty', help })
    return undefined
  }
  const root = toPlain(loadContext, source, node)
  if (!isPlainMap(root)) {
    report(loadContext, 'GH1203', nodeSpan(source, node), {
      message: 'the revocations file is not a map',
      help: 'write a map of lists, such as `keys`',
    })
    return undefined
  }
  // A list whose last entry was taken out is null.
  for (const list of Object.keys(root)) if (root[list] === null) root[list] = []
  checkSchema(loadContext, root, validateRevocations)
  return loadContext.found.error === 0 ? collect(loadContext, root as unknown as Content, names) : undefined
}

/** A revocations file without errors of the schema. */
interface Content {
  readonly keys?: readonly { readonly name: string }[]
  readonly secrets?: readonly { readonly hash: string }[]
  readonly subjects?: readonly { readonly issuer: string; readonly sub?: string; readonly client?: string }[]
  readonly tokens?: readonly { readonly issuer: string; readonly jti: string }[]
  readonly certificates?: readonly { readonly fingerprint: string }[]
}

function collect(loadContext: LoadContext, root: Content, names: RevocableNames): RevocationEntries {
  const found = new Map<string, string>()
  const [keys, issuers] = [new Set(names.keys), new Set(names.issuers)]
  const hashes = new Set(names.hashes)
  const hasOtherForms = names.hashes.some(hash => !hash.startsWith('sha256:'))
  const add = (id: string, path: Path): void => void (found.has(id) || found.set(id, toPointer(path)))
  const warn = (code: 'GH1440' | 'GH1441', noun: string, name: string, path: Path): void => {
    const known = code === 'GH1440' ? names.keys : names.issuers
    const suggestion = nearest(name, known, loadContext.suggestions)
    report(loadContext, code, locate(loadContext, root, path, 'value').span, {
      message: `the configuration has no ${noun} \`${name}\``,
      help: helpWithName(suggestion, known, 'remove the entry'),
      path: toPointer(path),
      suggestion,
    })
  }
  for (const [index, { name }] of (root.keys ?? []).entries()) {
    add(revocationId.key(name), ['keys', index])
    if (!keys.has(name)) warn('GH1440', 'key', name, ['keys', index, 'name'])
  }
  for (const [index, { hash }] of (root.secrets ?? []).entries()) {
    add(revocationId.secret(hash), ['secrets', index])
    // A digest may be that of a secret whose hash has another form.
    if (hashes.has(hash) || (hash.startsWith('sha256:') && hasOtherForms)) continue
    const { span } = locate(loadContext, root, ['secrets', index, 'hash'], 'value')
    report(loadContext, 'GH1442', span, {
      message: 'no key has a secret with this hash',
      help: 'copy the hash from the configuration',
      path: toPointer(['secrets', index, 'hash']),
    })
  }
  for (const [index, { issuer, sub, client }] of (root.subjects ?? []).entries()) {
    const path = ['subjects', index]
    if (sub !== undefined && client === undefined) add(revocationId.subject(issuer, sub), path)
    else if (client !== undefined && sub === undefined) add(revocationId.client(issuer, client), path)
    else {
      const has = sub === undefined ? 'neither `sub` nor `client`' : 'both `sub` and `client`'
      report(loadContext, 'GH1381', locate(loadContext, root, path, 'value').span, {
        message: `this subject has ${has}`,
        help: 'write `sub` for a user, or `client` for all tokens of a client',
        path: toPointer(path),
      })
    }
    if (!issuers.has(issuer)) warn('GH1441', 'issuer', issuer, [...path, 'issuer'])
  }
  for (const [index, { issuer, jti }] of (root.tokens ?? []).entries()) {
    add(revocationId.token(issuer, jti), ['tokens', index])
    if (!issuers.has(issuer)) warn('GH1441', 'issuer', issuer, ['tokens', index, 'issuer'])
  }
  for (const [index, { fingerprint }] of (root.certificates ?? []).entries()) {
    add(revocationId.certificate(parseFingerprint(fingerprint)), ['certificates', index])
  }
  return found
}
