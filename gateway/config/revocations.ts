import { dirname, resolve } from 'node:path'
import { digestOfFile, isSpecial } from './document/content-digest.ts'
import type { Diagnostic, Explanation, Span } from './document/diagnostics.ts'
import { readSource } from './document/files.ts'
import { createLoadContext, report, type LoadContext } from './document/load-context.ts'
import type { LoadOptions } from './document/load-options.ts'
import { isSkipped, nodeSpan } from './document/locate.ts'
import { parseSource } from './read/parse.ts'
import { isSystemPath } from './document/real-path.ts'
import { collectEntries, type RevocableNames, type RevocationsContent } from './revocation-entries.ts'
import type { RevocationEntries } from '../values/revocation-id.ts'
import { validateRevocations } from './schema/schema.ts'
import { checkSchema } from './schema/schema-errors.ts'
import { redactedSources } from './document/sensitive.ts'
import { spanBetween, type Source } from './document/source.ts'
import { limitDiagnostics } from './document/diagnostic-limit.ts'
import { isPlainMap, toPlain } from './read/tree.ts'
import { entries, items, reportAt, type CheckContext } from './checks/check-context.ts'

/** Largest size of a revocations file. */
const maxBytes = 2 ** 20

/** Result of reading a revocations file. */
export interface RevocationsResult {
  readonly diagnostics: Diagnostic[]
  readonly omitted: number
  readonly sources: Map<string, string>
  /** Digest of the file, as `digestOfFile` returns it. */
  readonly digest: string
  /** Present if no diagnostic is an error. */
  readonly entries?: RevocationEntries
}

/** Reads and checks a revocations file by itself. */
export function readRevocations(
  file: string,
  names: RevocableNames,
  options: Pick<LoadOptions, 'now' | 'readFile'>,
): RevocationsResult {
  const loadContext = createLoadContext({ ...options, env: {} })
  // The file may have been replaced since the configuration was checked.
  const why = whyUnfit(loadContext, file)
  if (why !== undefined) report(loadContext, 'GH1380', startOf(file), why)
  const found = why === undefined ? readEntries(loadContext, file, names) : undefined
  const { diagnostics, omitted } = limitDiagnostics(loadContext)
  return {
    diagnostics,
    omitted,
    sources: redactedSources(loadContext),
    digest: loadContext.files.digests.get(file) ?? digestOfFile(file),
    ...(found !== undefined && loadContext.counts.error === 0 && { entries: found }),
  }
}

/** Returns the absolute path of the revocations file that a main file names. */
export function revocationsPath(main: string, named: string): string {
  return resolve(dirname(main), named)
}

/** Checks that `revocations` names a file of its own. Reads and checks that file too, unless an option forbids it. */
export function checkRevocations(context: CheckContext, main: Source): void {
  const { loadContext, config } = context
  const { revocations: named } = config
  if (named === undefined || isSkipped(loadContext, config, ['revocations'])) return
  const file = revocationsPath(main.file, named)
  const why = whyUnfit(loadContext, file)
  if (why !== undefined) {
    reportAt(context, 'GH1380', ['revocations'], why)
    return
  }
  loadContext.revocations = file
  if (loadContext.options.revocations === false) return
  // The file has no references to the environment. It may be absent if secrets may be absent.
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
  mergeLoad(loadContext, own)
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

/** Returns the names that a revocations file may refer to. */
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

/** Adds the diagnostics and files of one load to another. */
function mergeLoad(loadContext: LoadContext, own: LoadContext): void {
  for (const one of own.diagnostics) loadContext.diagnostics.push(one)
  for (const severity of ['error', 'warning', 'info'] as const) {
    loadContext.counts[severity] += own.counts[severity]
  }
  for (const one of own.redactions) loadContext.redactions.push(one)
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
  if (Buffer.byteLength(source.text) > maxBytes) {
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
  // Removing the last entry of a list leaves it null.
  for (const list of Object.keys(root)) if (root[list] === null) root[list] = []
  checkSchema(loadContext, root, validateRevocations)
  return loadContext.counts.error === 0
    ? collectEntries(loadContext, root as unknown as RevocationsContent, names)
    : undefined
}
