import type { Config } from '../../schema/config.ts'
import type { Diagnostic } from '../config/diagnostics.ts'
import type { Loaded, LoadResult } from '../config/load.ts'
import type { Snapshot } from '../http/snapshot.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import { buildSnapshot, type BuildDependencies, type BuiltSnapshot } from './build.ts'
import { fingerprint, settledFingerprint, type WatchedPaths } from './watch.ts'

/** Reads and checks the configuration as it stands now. */
export type LoadConfig = () => LoadResult

/** A configuration that was refused, with everything that is wrong with it. */
export class ConfigRefused extends Error {
  override readonly name = 'ConfigRefused'
  readonly result: LoadResult

  constructor(result: LoadResult) {
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
  }
}

/** Applies the configuration: whole, or not at all. */
export interface Applier {
  current(this: void): Snapshot
  config(this: void): Config
  status(): ConfigStatus
  paths(): WatchedPaths
  /** `change`: only if the bytes differ from those of the last attempt. `demand`: in any case. Never throws. */
  apply(cause: 'change' | 'demand'): Promise<void>
  /** Takes the last snapshot out of service. */
  retire(): void
}

/** Who is told. */
export interface ApplyObservers {
  readonly log: Log
  readonly metrics: Metrics
  /** Called when another snapshot has come into force. */
  onSwap(this: void): void
}

/** Addresses are taken once, at the start, and so is how the listener speaks to clients. */
const fixed = [
  { pointer: '/listen/address', of: (config: Config) => config.listen.address },
  { pointer: '/listen/tls', of: ({ listen }: Config) => listen.tls !== undefined },
  { pointer: '/listen/tls/clientCa', of: ({ listen }: Config) => listen.tls?.clientCa !== undefined },
  { pointer: '/admin/address', of: (config: Config) => config.admin.address },
]

/**
 * Applies the configuration for the first time.
 *
 * @throws ConfigRefused where it has errors
 */
export function createApplier(
  load: LoadConfig,
  build: BuildDependencies,
  observers: ApplyObservers,
): Applier {
  const { log, metrics } = observers
  const first = load()
  if (first.loaded === undefined) throw new ConfigRefused(first)
  const started = first.loaded.config
  let result = first
  let loaded = first.loaded
  let snapshot = buildSnapshot(loaded, build)
  let appliedAt = new Date()
  let lastReload: ConfigStatus['lastReload'] = report(first, true)
  let attempted: string | undefined
  let running: Promise<void> | undefined
  let again: 'change' | 'demand' | undefined
  announce()

  function announce(): void {
    metrics.set('gatehouse_config_last_reload_successful', 1)
    metrics.set('gatehouse_config_last_reload_success_timestamp_seconds', appliedAt.getTime() / 1000)
    metrics.set('gatehouse_config_info', 1, { revision: snapshot.revision })
  }

  function refused(refusal: LoadResult): void {
    lastReload = report(refusal, false)
    metrics.set('gatehouse_config_last_reload_successful', 0)
    metrics.count('gatehouse_config_reloads_total', { result: 'refused' })
    log.error('config_refused', { revision: snapshot.revision, diagnostics: lastReload.diagnostics })
  }

  async function attempt(cause: 'change' | 'demand'): Promise<void> {
    if (cause === 'change' && fingerprint(result) === attempted) return
    const seen = await settledFingerprint(result)
    if (cause === 'change' && seen === attempted) return
    attempted = seen
    result = load()
    if (result.loaded === undefined) {
      refused(result)
      return
    }
    const restart = fixed.filter(field => field.of(result.loaded!.config) !== field.of(started))
    if (restart.length > 0) {
      refused({
        ...result,
        diagnostics: restart.map(field => restartRequired(field, started, result)),
      })
      return
    }
    swap(result.loaded, cause)
  }

  function swap(next: Loaded, cause: 'change' | 'demand'): void {
    if (next.revision === snapshot.revision) {
      lastReload = report(result, true)
      metrics.set('gatehouse_config_last_reload_successful', 1)
      if (cause === 'demand') log.info('config_unchanged', { revision: snapshot.revision })
      return
    }
    const built: BuiltSnapshot = buildSnapshot(next, build)
    const old = snapshot
    lastReload = report(result, true)
    snapshot = built
    loaded = next
    appliedAt = new Date()
    announce()
    metrics.count('gatehouse_config_reloads_total', { result: 'applied' })
    log.info('config_applied', { revision: snapshot.revision, previous: old.revision })
    observers.onSwap()
    old.retire()
  }

  return {
    current: () => snapshot,
    config: () => loaded.config,
    status: () => ({ revision: snapshot.revision, appliedAt: appliedAt.toISOString(), lastReload }),
    paths: () => result,
    retire: () => snapshot.retire(),
    apply(cause) {
      // One at a time; what comes meanwhile is one more attempt afterwards, on the latest bytes.
      if (running !== undefined) {
        again = again === 'demand' ? again : cause
        return running
      }
      running = (async () => {
        for (let next: typeof again = cause; next !== undefined; next = again) {
          again = undefined
          await attempt(next).catch((error: unknown) => {
            lastReload = { ...lastReload, successful: false, at: new Date().toISOString() }
            metrics.set('gatehouse_config_last_reload_successful', 0)
            metrics.count('gatehouse_config_reloads_total', { result: 'failed' })
            log.error('reload_failed', { revision: snapshot.revision, error: String((error as Error).stack) })
          })
        }
        running = undefined
      })()
      return running
    },
  }
}

function report({ diagnostics }: LoadResult, successful: boolean): ConfigStatus['lastReload'] {
  return {
    successful,
    at: new Date().toISOString(),
    diagnostics: diagnostics.map(({ code, severity, message, file, line, column }) => {
      return { code, severity, message, file, line, column }
    }),
  }
}

function restartRequired(
  { pointer, of }: (typeof fixed)[number],
  started: Config,
  next: LoadResult,
): Diagnostic {
  const { config, locate } = next.loaded!
  const at = locate(pointer) ?? { file: next.files[0] ?? '', line: 1, column: 1 }
  const field = pointer.slice(1).replace('/', '.')
  return {
    code: 'GH1318',
    severity: 'error',
    message: `${field} was ${of(started)} at the start and is ${of(config)} now, which takes effect after a restart only`,
    ...at,
    endLine: at.line,
    endColumn: at.column,
    path: pointer,
  }
}
