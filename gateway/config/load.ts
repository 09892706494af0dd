import { resolve } from 'node:path'
import type { Config } from '../../schema/config.ts'
import { checkArgon2 } from './checks/check-argon2.ts'
import { checkCertificates } from './secrets/check-certificates.ts'
import { checkHashes, checkPepper, checkWindows } from './checks/check-keys.ts'
import { checkFiles } from './secrets/check-files.ts'
import { checkFragmentVariables } from './fragments/check-fragment-references.ts'
import { checkFragments } from './fragments/check-fragments.ts'
import { checkAuthHeaders, checkHeaders } from './checks/check-headers.ts'
import { checkJwt } from './checks/check-jwt.ts'
import { checkMaxBody } from './checks/check-max-body.ts'
import { checkMtls } from './checks/check-mtls.ts'
import { checkNames } from './checks/check-names.ts'
import { checkOwnSecrets } from './secrets/check-own-secrets.ts'
import { checkUpstreams } from './checks/check-upstreams.ts'
import { checkAuth, checkGlobs, checkPaths } from './checks/check-proxies.ts'
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
import { shownSources } from './document/sensitive.ts'
import { limitDiagnostics } from './document/diagnostic-limit.ts'
import { spanBetween, type Source } from './document/source.ts'
import { isPlainMap, toPlain, type PlainMap } from './read/tree.ts'
import type { DeepPartial, CheckContext } from './checks/check-context.ts'

export type { LoadOptions } from './document/load-options.ts'

export interface LoadResult {
  /** Errors, warnings, and advice where it was asked for, a hundred at most; in order of file, line and column. */
  diagnostics: Diagnostic[]
  /** Number of further diagnostics, which are left out because there are too many; those that are left are the gravest. */
  omitted: number
  /** Text of every file by absolute path, for code frames; secrets in clear are blotted out. */
  sources: Map<string, string>
  /** Absolute paths of everything that was read or looked for, secret files too. */
  files: string[]
  /** Directories whose listing decided what was included. */
  directories: string[]
  /** SHA-256 over what was found at all of them, as it was read. */
  digest: string
  /** Absolute path of the revocations file; also where there are errors, as far as the main file can be read. */
  revocations?: string
  /** There when no diagnostic is an error. */
  loaded?: Loaded
}

export interface Loaded {
  /** Frozen; maps have no prototype; paths of secret files are absolute. */
  config: Config
  secrets: Secrets
  /** The secrets that it gives out. */
  secretTexts: ReadonlyMap<string, string>
  /** First 12 hex digits of the SHA-256 of the canonical configuration. */
  revision: string
  /** Variables and secret files that are absent; something only under allowMissingEnv, and then the revision is not the real one. */
  missing: string[]
  /** Where a field (its key) or an item of a list was written; undefined for defaults and what is not there. */
  locate(pointer: string): { file: string; line: number; column: number } | undefined
}

/**
 * Reads a configuration: main file, fragments, variables, schema, cross-references, secrets, revision. Takes the path
 * of the main file. Does not throw for what is wrong with the files: that is in `diagnostics`. Synchronous, without
 * network or global state.
 */
export function load(path: string, options: LoadOptions): LoadResult {
  const loadContext = createLoadContext(options)
  const loaded = loadMain(loadContext, resolve(path))
  const { diagnostics, omitted } = limitDiagnostics(loadContext)
  return {
    diagnostics,
    omitted,
    // What was not looked at may stand on a line that is shown, and may be a secret.
    sources: loadContext.found.error > maxKept.error ? new Map() : shownSources(loadContext),
    files: [...loadContext.files.paths],
    directories: [...loadContext.files.directories],
    digest: digestOfRead(loadContext),
    ...(loadContext.revocations !== undefined && { revocations: loadContext.revocations }),
    ...(loaded !== undefined && loadContext.found.error === 0 && { loaded: loaded() }),
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
  dropEmptyBlocks(loadContext, root)
  includeFragments(loadContext, source, root)
  checkSchema(loadContext, root)
  const context: CheckContext = { loadContext, config: root as DeepPartial<Config> }
  for (const check of [
    checkNames,
    checkPaths,
    checkGlobs,
    checkAuth,
    checkJwt,
    checkMtls,
    checkHeaders,
    checkAuthHeaders,
    checkMaxBody,
    checkUpstreams,
    checkHashes,
    checkPepper,
    checkArgon2,
    checkWindows,
    checkFragments,
    checkFragmentVariables,
    checkFiles,
  ])
    check(context)
  checkRevocations(context, source)
  const resolved = resolveSecrets(context)
  checkOwnSecrets(context, resolved)
  checkCertificates(context, resolved)
  lint(context)
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

// Taking the last key out of a block leaves it null. Were that refused, the file before would stay in force, and with
// it the very key that was taken out.
function dropEmptyBlocks({ opaque }: LoadContext, root: PlainMap): void {
  for (const block of ['include', 'auth', 'roles', 'keys']) {
    if (root[block] === null && !opaque.get(root)?.has(block)) delete root[block]
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
