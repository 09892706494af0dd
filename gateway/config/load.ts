import { dirname, relative, resolve } from 'node:path'
import type { Config } from '../../schema/config.ts'
import { checks } from './checks/index.ts'
import { checkCertificates } from './secrets/check-certificates.ts'
import { checkFiles } from './secrets/check-files.ts'
import { checkFragmentVariables } from './fragments/check-fragment-references.ts'
import { checkFragments } from './fragments/check-fragments.ts'
import { recognizeFragment } from './fragments/find-main.ts'
import { checkOwnSecrets } from './secrets/check-own-secrets.ts'
import { digestOfAll } from './document/content-digest.ts'
import type { Diagnostic } from './document/diagnostics.ts'
import { readSource } from './document/files.ts'
import { dropIgnored } from './lint/ignore.ts'
import { includeFragments } from './read/include.ts'
import { freeze } from './freeze.ts'
import { createLoadContext, maxKept, report, type LoadContext } from './document/load-context.ts'
import type { LoadOptions } from './document/load-options.ts'
import { lint } from './lint/lint.ts'
import { locate, nodeSpan } from './document/locate.ts'
import { parseSource } from './read/parse.ts'
import { fromPointer } from './document/pointer.ts'
import { revisionOf } from './revision.ts'
import { checkSchema } from './schema/schema-errors.ts'
import { checkRevocations } from './revocations.ts'
import { resolveSecrets } from './secrets/secrets.ts'
import type { Secrets } from '../values/secrets.ts'
import { redactedSources } from './document/sensitive.ts'
import { limitDiagnostics } from './document/diagnostic-limit.ts'
import { spanBetween, type Source } from './document/source.ts'
import { isPlainMap, toPlain, type PlainMap } from './read/tree.ts'
import type { DeepPartial, CheckContext } from './checks/check-context.ts'

export type { LoadOptions } from './document/load-options.ts'

export interface LoadResult {
  /** At most a hundred errors, warnings and requested advice, in the order of file, line and column. */
  diagnostics: Diagnostic[]
  /** Number of further diagnostics, which are less severe or come later. */
  omitted: number
  /** Text of every file by absolute path, for code frames. Secrets in clear are replaced. */
  sources: Map<string, string>
  /** Absolute paths of all files that were read or looked for, including secret files. */
  files: string[]
  /** Directories that were listed for `include`. */
  directories: string[]
  /** SHA-256 over the content of all of them, as it was read. */
  digest: string
  /** Absolute path of the revocations file. Present even after errors, if the main file can be read. */
  revocations?: string
  /** Present if no diagnostic is an error. */
  loaded?: Loaded
}

export interface Loaded {
  /** Frozen. Maps have no prototype, and paths of secret files are absolute. */
  config: Config
  secrets: Secrets
  /** Texts of the secrets. */
  secretTexts: ReadonlyMap<string, string>
  /** First 12 hex digits of the SHA-256 of the canonical configuration. */
  revision: string
  /** Variables and secret files that are absent. Empty without allowMissingEnv; otherwise the revision is not the real one. */
  missing: string[]
  /** Returns the place of a field (its key) or an item of a list; undefined for defaults and absent fields. */
  locate(pointer: string): { file: string; line: number; column: number } | undefined
}

/**
 * Loads a configuration: main file, fragments, variables, schema, checks, secrets, revision. Reports errors in the files
 * as `diagnostics`, and does not throw for them. Synchronous, without network access or global state.
 *
 * @param path path of the main file
 */
export function load(path: string, options: LoadOptions): LoadResult {
  const loadContext = createLoadContext(options)
  const loaded = loadMain(loadContext, resolve(path))
  const { diagnostics, omitted } = limitDiagnostics(loadContext)
  return {
    diagnostics,
    omitted,
    // A line may hold a secret that was not checked, and so not hidden.
    sources: loadContext.counts.error > maxKept.error ? new Map() : redactedSources(loadContext),
    files: [...loadContext.files.paths],
    directories: [...loadContext.files.directories],
    digest: digestOfRead(loadContext),
    ...(loadContext.revocations !== undefined && { revocations: loadContext.revocations }),
    ...(loaded !== undefined && loadContext.counts.error === 0 && { loaded: loaded() }),
  }
}

function digestOfRead({ files: { paths, directories, digests } }: LoadContext): string {
  return digestOfAll({ files: [...paths], directories: [...directories] }, path => digests.get(path) ?? '')
}

function loadMain(loadContext: LoadContext, file: string): (() => Loaded) | undefined {
  const source = readSource(loadContext.files, file)
  if ('why' in source) {
    const at = { file, line: 1, column: 1, endLine: 1, endColumn: 1 }
    const span =
      source.source === undefined ? at : spanBetween(source.source, source.offset ?? 0, source.offset ?? 0)
    const message = `this file cannot be read: ${source.why}`
    report(loadContext, source.code, span, { message, help: source.help })
    return undefined
  }
  const root = readRoot(loadContext, source)
  if (root === undefined) return undefined
  if (reportFragment(loadContext, source, root)) return undefined
  dropEmptyBlocks(loadContext, root)
  includeFragments(loadContext, source, root)
  checkSchema(loadContext, root)
  const context: CheckContext = { loadContext, config: root as DeepPartial<Config> }
  for (const check of [...checks, checkFragments, checkFragmentVariables, checkFiles]) check(context)
  checkRevocations(context, source)
  const resolved = resolveSecrets(context)
  checkOwnSecrets(context, resolved)
  checkCertificates(context, resolved)
  lint(context, resolved.textOf)
  dropIgnored(context)
  return () => {
    const config = freeze(root) as unknown as Config
    const { secrets, texts: secretTexts } = resolved
    const place = (pointer: string) => locateEntry(loadContext, config, pointer)
    return {
      config,
      secrets,
      secretTexts,
      revision: revisionOf(config, resolved),
      missing: [...loadContext.missing],
      locate: place,
    }
  }
}

function readRoot(loadContext: LoadContext, source: Source): PlainMap | undefined {
  const node = parseSource(loadContext, source)
  if (node === undefined) return undefined
  if (node === null) {
    const help = 'write `version: 1` and at least one proxy under `proxies`'
    report(loadContext, 'GH1012', spanBetween(source, 0, 0), { message: 'the file is empty', help })
    return undefined
  }
  const plain = toPlain(loadContext, source, node)
  if (isPlainMap(plain)) return plain
  report(loadContext, 'GH1203', nodeSpan(source, node), {
    message: 'the configuration is not a map',
    help: 'begin the file with `version: 1`',
  })
  return undefined
}

/** Reports a fragment that is loaded as a main file. What is missing in it would only lead astray. */
function reportFragment(loadContext: LoadContext, source: Source, root: PlainMap): boolean {
  const fragment = recognizeFragment(loadContext.files, source.file, root)
  if (fragment === undefined) return false
  const main = fragment.main === undefined ? undefined : relative(dirname(source.file), fragment.main)
  const message = main === undefined ? 'this looks like a fragment' : `this is a fragment of \`${main}\``
  const help = `name the main file instead, ${main === undefined ? 'which includes this one' : `\`${main}\``}`
  report(loadContext, 'GH1029', spanBetween(source, 0, 0), { message, help })
  return true
}

// Removing the last key of a block leaves it null. If that were an error, the previous file would stay in force, and the
// removed key with it.
function dropEmptyBlocks({ skipped }: LoadContext, root: PlainMap): void {
  for (const block of ['include', 'auth', 'roles', 'keys']) {
    if (root[block] === null && !skipped.get(root)?.has(block)) delete root[block]
  }
}

function locateEntry(
  loadContext: LoadContext,
  config: Config,
  pointer: string,
): ReturnType<Loaded['locate']> {
  const { span, exact } = locate(loadContext, config, fromPointer(pointer), 'key')
  const { file, line, column } = span
  return exact ? { file, line, column } : undefined
}
