import type { ReadPaths } from '../config/document/content-digest.ts'
import { settingsOf, type Handover, type ReadResult } from '../config/handover.ts'
import { restartFields } from '../config/static-fields.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import { report, restartRequired, type ConfigStatus } from './config-status.ts'
import type { RevocationsResult } from '../config/revocations.ts'
import { LoadTimeout } from './loader/load-timeout.ts'
import { nameRevision, type InForce } from './build/revision-name.ts'
import type { RevocationsKeeper } from './revocations.ts'
import type { WorkerCore } from './workers/worker-core.ts'
import { digestOfFiles, settledDigest } from './loader/watch.ts'

/**
 * Reads and checks the configuration as it stands now. Rejects with the reason of the signal where it is given up, and
 * with a LoadTimeout where it takes too long.
 */
export type LoadConfig = (signal?: AbortSignal) => ReadResult | Promise<ReadResult>

/** A configuration that was refused, with everything that is wrong with it. */
export class ConfigRefused extends Error {
  override readonly name = 'ConfigRefused'
  readonly result: ReadResult

  constructor(result: ReadResult) {
    super('the configuration has errors')
    this.result = result
  }
}

/** Largest number of loads in a row that are given up because the files change faster than they can be read. */
const maxSuperseded = 10
/** Milliseconds between two looks at the files while they are read. */
const lookInterval = 100
/** Milliseconds that files which took too long are left alone, unless they change. */
const timeoutRest = 300_000

/** Applies the configuration: whole, or not at all. */
export interface Applier {
  revision(): string
  status(): ConfigStatus
  /** Seconds since which the files have said something else than what is in force; 0 where they do not. */
  pendingSeconds(): number
  paths(): ReadPaths
  /** `change`: only if the bytes differ from those of the last attempt. `demand`: in any case. Never throws. */
  apply(cause: 'change' | 'demand'): Promise<void>
  /** Applies nothing any more; what is under way comes to nothing. */
  stop(): void
}

/** Who applies it, and who is told. */
export interface ApplyDependencies {
  readonly core: Pick<WorkerCore, 'prepare' | 'commit'>
  readonly log: Log
  readonly metrics: Metrics
  /** Puts a revision into force with the revocations that it names; without it there are none. */
  readonly revocations?: Pick<RevocationsKeeper, 'follow'>
}

/**
 * Applies the configuration for the first time.
 *
 * @param first what was read
 * @param load reads it again
 */
export async function createApplier(
  first: ReadResult & { readonly handover: Handover },
  load: LoadConfig,
  { core, log, metrics, revocations }: ApplyDependencies,
): Promise<Applier> {
  const started = settingsOf(first.handover)
  const broken = await enforce(first.handover)
  if (broken !== undefined) throw new ConfigRefused({ ...first, ...broken })
  let { revision } = first.handover
  let { secrets }: InForce = first.handover
  let paths = pathsOf(first)
  let appliedAt = new Date()
  let lastReload: ConfigStatus['lastReload'] = report(first, true)
  let attempted: string | undefined = first.digest
  /** When the files were first seen to differ from what is in force. */
  let pendingSince: Date | undefined
  /** A load that is under way. */
  let loading: { readonly giveUp: AbortController; lookedAt: number } | undefined
  /** Number of loads in a row whose files changed meanwhile. */
  let superseded = 0
  /** The digest of the last bytes that were to be read. */
  let seen: string | undefined
  let restsUntil = 0
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
      pendingSince: pendingSince?.toISOString(),
      diagnostics: lastReload.diagnostics,
      omitted: lastReload.omitted,
    })
  }

  async function reloadOnce(cause: 'change' | 'demand'): Promise<void> {
    if (stopped) return
    if (attempted !== undefined && restsUntil !== 0 && Date.now() >= restsUntil) attempted = undefined
    const found = digestOfFiles(paths)
    if (cause === 'change' && isAttempted(found)) return
    if (found !== attempted) pendingSince ??= new Date()
    seen = await settledDigest(paths)
    if (cause === 'change' && isAttempted(seen)) return
    if (seen !== attempted) pendingSince ??= new Date()
    const result = await loadUnlessSuperseded(cause)
    if (stopped || result === undefined) return
    attempted = result.digest
    paths = pathsOf(result)
    if (superseded < maxSuperseded && digestOfFiles(paths) !== result.digest) {
      superseded++
      pendingSince ??= new Date()
      if (cause === 'demand') again = 'demand'
      return
    }
    superseded = 0
    const { handover } = result
    if (handover === undefined) {
      refused(result)
      return
    }
    const settings = settingsOf(handover)
    const restart = restartFields.filter(({ of }) => of(settings) !== of(started))
    if (restart.length > 0) {
      const diagnostics = restart.map(field => restartRequired(field, started, settings, result))
      refused({ ...result, diagnostics })
      return
    }
    await swap(nameRevision(handover, { revision, secrets }), result, cause)
  }

  /** Whether these are the bytes of the last attempt. Where that was applied, nothing waits any more. */
  function isAttempted(bytes: string): boolean {
    if (bytes !== attempted) return false
    if (lastReload.successful) pendingSince = undefined
    return true
  }

  /** Reads the configuration; returns undefined where that was given up because the files changed meanwhile. */
  async function loadUnlessSuperseded(cause: 'change' | 'demand'): Promise<ReadResult | undefined> {
    const giveUp = new AbortController()
    loading = { giveUp, lookedAt: performance.now() }
    restsUntil = 0
    try {
      return await load(giveUp.signal)
    } catch (error) {
      if (error instanceof LoadTimeout) restsUntil = Date.now() + timeoutRest
      if (!giveUp.signal.aborted) throw error
      superseded++
      if (cause === 'demand') again = 'demand'
      else again ??= 'change'
      return undefined
    } finally {
      loading = undefined
    }
  }

  /** Gives up the load that is under way where the files are others by now: the newest bytes win. */
  function supersede(): void {
    if (loading === undefined || superseded >= maxSuperseded) return
    const now = performance.now()
    if (now - loading.lookedAt < lookInterval) return
    loading.lookedAt = now
    if (digestOfFiles(paths) === seen) return
    pendingSince ??= new Date()
    loading.giveUp.abort(new Error('the files changed while they were read'))
  }

  async function swap(handover: Handover, result: ReadResult, cause: 'change' | 'demand'): Promise<void> {
    if (handover.revision === revision) {
      lastReload = report(result, true)
      pendingSince = undefined
      metrics.set('gatehouse_config_last_reload_successful', 1)
      if (cause === 'demand') log.info('config_unchanged', { revision })
      return
    }
    const broken = await enforce(handover)
    if (broken !== undefined) {
      refused({ ...result, ...broken })
      return
    }
    const previous = revision
    revision = handover.revision
    secrets = handover.secrets
    lastReload = report(result, true)
    pendingSince = undefined
    appliedAt = new Date()
    announce()
    metrics.count('gatehouse_config_reloads_total', { result: 'applied' })
    log.info('config_applied', { revision, previous })
  }

  /** Puts a revision into force; returns what is wrong with its revocations where it cannot be. */
  async function enforce(handover: Handover): Promise<RevocationsResult | undefined> {
    const commit = async (): Promise<void> => {
      await core.prepare(handover)
      await core.commit()
    }
    if (revocations !== undefined) return revocations.follow(handover, commit)
    await commit()
    return undefined
  }

  function pendingSeconds(): number {
    return pendingSince === undefined ? 0 : (Date.now() - pendingSince.getTime()) / 1000
  }

  return {
    revision: () => revision,
    status: () => ({
      revision,
      appliedAt: appliedAt.toISOString(),
      // Newer bytes wait, whatever became of the last ones.
      lastReload: pendingSince === undefined ? lastReload : { ...lastReload, successful: false },
      pending: pendingSince && { since: pendingSince.toISOString(), seconds: pendingSeconds() },
    }),
    pendingSeconds,
    paths: () => paths,
    stop() {
      stopped = true
      loading?.giveUp.abort(new Error('the gateway is stopping'))
    },
    apply(cause) {
      if (stopped) return Promise.resolve()
      // One at a time; what comes meanwhile is one more attempt afterwards, on the latest bytes.
      if (running !== undefined) {
        again = again === 'demand' ? again : cause
        supersede()
        return running
      }
      running = (async () => {
        for (let next: typeof again = cause; next !== undefined; next = again) {
          again = undefined
          await reloadOnce(next).catch((error: unknown) => {
            if (stopped) return
            // What failed for another reason than its content is tried again at the next look; what took too long, later.
            attempted = error instanceof LoadTimeout ? seen : undefined
            pendingSince ??= new Date()
            lastReload = { ...lastReload, successful: false, at: new Date().toISOString() }
            metrics.set('gatehouse_config_last_reload_successful', 0)
            metrics.count('gatehouse_config_reloads_total', { result: 'failed' })
            log.error('reload_failed', {
              revision,
              pendingSince: pendingSince.toISOString(),
              error: String((error as Error).stack),
            })
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
