import type { ReadPaths } from '../config/content-digest.ts'
import { settingsOf, type Checked, type ReadResult } from '../config/checked.ts'
import type { Diagnostic } from '../config/diagnostics.ts'
import { restartFields, type Settings } from '../config/restart.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { Serving } from './serving.ts'
import { fingerprint, settledFingerprint } from './watch.ts'

/** Reads and checks the configuration as it stands now. */
export type LoadConfig = () => ReadResult | Promise<ReadResult>

/** A configuration that was refused, with everything that is wrong with it. */
export class ConfigRefused extends Error {
  override readonly name = 'ConfigRefused'
  readonly result: ReadResult

  constructor(result: ReadResult) {
    super('the configuration has errors')
    this.result = result
  }
}

/** What operators are told about the configuration. */
export interface ConfigStatus {
  readonly revision: string
  readonly appliedAt: string
  readonly lastReload: {
    readonly successful: boolean
    readonly at: string
    readonly diagnostics: readonly Pick<
      Diagnostic,
      'code' | 'severity' | 'message' | 'file' | 'line' | 'column'
    >[]
    /** Number of further diagnostics; absent for none. */
    readonly omitted?: number
  }
}

/** Applies the configuration: whole, or not at all. */
export interface Applier {
  revision(): string
  status(): ConfigStatus
  paths(): ReadPaths
  /** `change`: only if the bytes differ from those of the last attempt. `demand`: in any case. Never throws. */
  apply(cause: 'change' | 'demand'): Promise<void>
  /** Applies nothing any more; what is under way comes to nothing. */
  stop(): void
}

/** Who applies it, and who is told. */
export interface ApplyDependencies {
  readonly serving: Pick<Serving, 'prepare' | 'commit'>
  readonly log: Log
  readonly metrics: Metrics
}

/**
 * Applies the configuration for the first time.
 *
 * @param first what was read
 * @param load reads it again
 */
export async function createApplier(
  first: ReadResult & { readonly checked: Checked },
  load: LoadConfig,
  { serving, log, metrics }: ApplyDependencies,
): Promise<Applier> {
  const started = settingsOf(first.checked)
  await serving.prepare(first.checked)
  await serving.commit()
  let { revision } = first.checked
  let paths = pathsOf(first)
  let appliedAt = new Date()
  let lastReload: ConfigStatus['lastReload'] = report(first, true)
  let attempted: string | undefined = first.digest
  let running: Promise<void> | undefined
  let again: 'change' | 'demand' | undefined
  let stopped = false
  announce()

  function announce(): void {
    metrics.set('gatehouse_config_last_reload_successful', 1)
    metrics.set('gatehouse_config_last_reload_success_timestamp_seconds', appliedAt.getTime() / 1000)
    metrics.set('gatehouse_config_info', 1, { revision })
  }

  function refused(refusal: ReadResult): void {
    lastReload = report(refusal, false)
    metrics.set('gatehouse_config_last_reload_successful', 0)
    metrics.count('gatehouse_config_reloads_total', { result: 'refused' })
    log.error('config_refused', {
      revision,
      diagnostics: lastReload.diagnostics,
      omitted: lastReload.omitted,
    })
  }

  async function attempt(cause: 'change' | 'demand'): Promise<void> {
    if (cause === 'change' && fingerprint(paths) === attempted) return
    const seen = await settledFingerprint(paths)
    if (cause === 'change' && seen === attempted) return
    const result = await load()
    if (stopped) return
    attempted = result.digest
    paths = pathsOf(result)
    const { checked } = result
    if (checked === undefined) {
      refused(result)
      return
    }
    const settings = settingsOf(checked)
    const restart = restartFields.filter(({ of }) => of(settings) !== of(started))
    if (restart.length > 0) {
      const diagnostics = restart.map(field => restartRequired(field, started, settings, result))
      refused({ ...result, diagnostics })
      return
    }
    await swap(checked, result, cause)
  }

  async function swap(checked: Checked, result: ReadResult, cause: 'change' | 'demand'): Promise<void> {
    if (checked.revision === revision) {
      lastReload = report(result, true)
      metrics.set('gatehouse_config_last_reload_successful', 1)
      if (cause === 'demand') log.info('config_unchanged', { revision })
      return
    }
    await serving.prepare(checked)
    await serving.commit()
    const previous = revision
    revision = checked.revision
    lastReload = report(result, true)
    appliedAt = new Date()
    announce()
    metrics.count('gatehouse_config_reloads_total', { result: 'applied' })
    log.info('config_applied', { revision, previous })
  }

  return {
    revision: () => revision,
    status: () => ({ revision, appliedAt: appliedAt.toISOString(), lastReload }),
    paths: () => paths,
    stop: () => void (stopped = true),
    apply(cause) {
      if (stopped) return Promise.resolve()
      // One at a time; what comes meanwhile is one more attempt afterwards, on the latest bytes.
      if (running !== undefined) {
        again = again === 'demand' ? again : cause
        return running
      }
      running = (async () => {
        for (let next: typeof again = cause; next !== undefined; next = again) {
          again = undefined
          await attempt(next).catch((error: unknown) => {
            if (stopped) return
            // What failed for another reason than its content is tried again at the next look.
            attempted = undefined
            lastReload = { ...lastReload, successful: false, at: new Date().toISOString() }
            metrics.set('gatehouse_config_last_reload_successful', 0)
            metrics.count('gatehouse_config_reloads_total', { result: 'failed' })
            log.error('reload_failed', { revision, error: String((error as Error).stack) })
          })
        }
        running = undefined
      })()
      return running
    },
  }
}

function pathsOf({ files, directories }: ReadPaths): ReadPaths {
  return { files, directories }
}

function report({ diagnostics, omitted }: ReadResult, successful: boolean): ConfigStatus['lastReload'] {
  return {
    successful,
    at: new Date().toISOString(),
    diagnostics: diagnostics.map(({ code, severity, message, file, line, column }) => {
      return { code, severity, message, file, line, column }
    }),
    ...(omitted > 0 && { omitted }),
  }
}

function restartRequired(
  { pointer, of }: (typeof restartFields)[number],
  started: Settings,
  settings: Settings,
  { checked, files }: ReadResult,
): Diagnostic {
  const at = checked!.places.get(pointer) ?? { file: files[0] ?? '', line: 1, column: 1 }
  const field = pointer.slice(1).replace('/', '.')
  return {
    code: 'GH1318',
    severity: 'error',
    message: `${field} was ${of(started)} at the start and is ${of(settings)} now, which takes effect after a restart only`,
    ...at,
    endLine: at.line,
    endColumn: at.column,
    path: pointer,
  }
}
