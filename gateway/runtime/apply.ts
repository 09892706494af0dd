import type { ReadPaths } from '../config/document/content-digest.ts'
import { settingsOf, type Handover, type ReadResult } from '../config/handover.ts'
import type { RevocationsResult } from '../config/revocations.ts'
import { restartFields, type Settings } from '../config/static-fields.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import { nameRevision } from './build/revision-name.ts'
import { restartRequired, type ConfigStatus } from './config-status.ts'
import { LoadTimeout } from './loader/load-timeout.ts'
import { contentsOf, settle, type Contents } from './loader/settle.ts'
import { digestOfFiles } from './loader/watch.ts'
import { parseWait } from '../values/units.ts'
import { createLoads, type LoadConfig, type Loads } from './loads.ts'
import { createReloadStatus, type ReloadStatus } from './reload-status.ts'
import type { RevocationsKeeper } from './revocations.ts'
import type { WorkerCore } from './workers/worker-core.ts'

/** A configuration was refused; `result` has everything that is wrong with it. */
export class ConfigRefused extends Error {
  override readonly name = 'ConfigRefused'
  readonly result: ReadResult

  constructor(result: ReadResult) {
    super('the configuration has errors')
    this.result = result
  }
}

/** Reason for a reload: the files may have changed, or an operator asked for it. */
type Cause = 'change' | 'demand'

/** Applies the configuration: whole, or not at all. */
export interface Applier {
  revision(): string
  status(): ConfigStatus
  /** Returns how many seconds the files have differed from the revision in force; 0 if they do not differ. */
  pendingSeconds(): number
  paths(): ReadPaths
  /** Returns the settings in force. */
  settings(): Settings
  /**
   * Applies the files as they stand now: after a `change` only if their bytes differ from those of the last attempt. Never
   * throws.
   */
  apply(cause: Cause): Promise<void>
  /** Applies nothing from now on; a reload in progress has no effect. */
  stop(): void
}

/** Parts that apply a configuration, and that report it. */
export interface ApplyDependencies {
  readonly core: Pick<WorkerCore, 'prepare' | 'commit'>
  readonly log: Log
  readonly metrics: Metrics
  /** Puts a revision into force together with the revocations that it names; by default there are none. */
  readonly revocations?: Pick<RevocationsKeeper, 'follow'>
}

/** An operator who asks for a reload has written the files. */
const noContents: Contents = new Map()

/** State of an applier. */
interface Reloads {
  readonly dependencies: ApplyDependencies
  readonly status: ReloadStatus
  readonly loads: Loads
  /** Settings that the gateway was started with. */
  readonly started: Settings
  /** Settings in force. */
  settings: Settings
  /** Contents of the files in force. */
  contents: Contents
  paths: ReadPaths
  /** Digest of the files that were applied or refused last; undefined to try the same bytes again. */
  attempted: string | undefined
  /** Digest of the files that were to be read last. */
  seen: string | undefined
  running: Promise<void> | undefined
  /** Cause of a further reload after the one in progress. */
  again: Cause | undefined
  stopped: boolean
}

/**
 * Applies the configuration for the first time.
 *
 * @param load reads it again
 * @throws ConfigRefused if the revocations that it names have errors
 */
export async function createApplier(
  first: ReadResult & { readonly handover: Handover },
  load: LoadConfig,
  dependencies: ApplyDependencies,
): Promise<Applier> {
  const broken = await putInForce(first.handover, dependencies)
  if (broken !== undefined) throw new ConfigRefused({ ...first, ...broken })
  const loads = createLoads(load)
  const started = settingsOf(first.handover)
  const status = createReloadStatus(first, dependencies)
  const reloads: Reloads = {
    dependencies,
    status,
    loads,
    started,
    settings: started,
    contents: contentsOf(first.files),
    paths: pathsOf(first),
    attempted: first.digest,
    seen: undefined,
    running: undefined,
    again: undefined,
    stopped: false,
  }
  return {
    revision: () => status.inForce().revision,
    status: status.status,
    pendingSeconds: status.pendingSeconds,
    paths: () => reloads.paths,
    settings: () => reloads.settings,
    stop() {
      reloads.stopped = true
      loads.abort('the gateway is stopping')
    },
    apply(cause) {
      if (reloads.stopped) return Promise.resolve()
      if (reloads.running === undefined) return (reloads.running = reloadAll(reloads, cause))
      // One reload at a time. Causes that arrive in the meantime lead to one further reload, of the latest bytes.
      reloads.again = reloads.again === 'demand' ? reloads.again : cause
      if (loads.supersede(reloads.paths, reloads.seen)) status.pending()
      return reloads.running
    },
  }
}

/** Reloads, until there is no cause for a further reload. */
async function reloadAll(reloads: Reloads, cause: Cause): Promise<void> {
  for (let next: Cause | undefined = cause; next !== undefined; next = reloads.again) {
    reloads.again = undefined
    try {
      await reloadOnce(reloads, next)
    } catch (error) {
      if (reloads.stopped) continue
      // The same bytes are tried again at the next poll; if reading them took too long, later.
      reloads.attempted = error instanceof LoadTimeout ? reloads.seen : undefined
      reloads.status.failed(error as Error)
    }
  }
  reloads.running = undefined
}

async function reloadOnce(reloads: Reloads, cause: Cause): Promise<void> {
  const { loads, status } = reloads
  if (reloads.stopped) return
  if (loads.isRested()) reloads.attempted = undefined
  if (isAttempted(reloads, digestOfFiles(reloads.paths), cause)) return
  const inForce = cause === 'demand' ? noContents : reloads.contents
  await settle(reloads.paths, {
    quietMs: quietMsOf(reloads.settings),
    inForce,
    isStopped: () => reloads.stopped,
  })
  if (reloads.stopped) return
  reloads.seen = digestOfFiles(reloads.paths)
  if (isAttempted(reloads, reloads.seen, cause)) return
  const result = await loads.run()
  if (result === undefined) reloads.again = cause === 'demand' ? cause : (reloads.again ?? 'change')
  if (reloads.stopped || result === undefined) return
  reloads.attempted = result.digest
  reloads.paths = pathsOf(result)
  if (loads.isOutdated(result)) {
    status.pending()
    if (cause === 'demand') reloads.again = 'demand'
    return
  }
  await applyResult(reloads, result, cause)
}

/** Returns whether the bytes of the last attempt need no further one. */
function isAttempted({ attempted, status }: Reloads, digest: string, cause: Cause): boolean {
  if (digest !== attempted) {
    status.pending()
    return false
  }
  if (cause === 'demand') return false
  // If they were applied, nothing is pending any more.
  if (status.isSuccessful()) status.settled()
  return true
}

async function applyResult(reloads: Reloads, result: ReadResult, cause: Cause): Promise<void> {
  const { dependencies, status, started } = reloads
  const { handover } = result
  if (handover === undefined) {
    status.refused(result)
    return
  }
  const settings = settingsOf(handover)
  const changed = restartFields.filter(({ of }) => of(settings) !== of(started))
  if (changed.length > 0) {
    const diagnostics = changed.map(field => restartRequired(field, started, settings, result))
    status.refused({ ...result, diagnostics })
    return
  }
  const { revision } = status.inForce()
  const named = nameRevision(handover, status.inForce())
  if (named.revision === revision) {
    const isNews = cause === 'demand' || !status.isSuccessful()
    status.unchanged(result)
    if (isNews) dependencies.log.info('config_unchanged', { revision })
    reloads.contents = contentsOf(result.files)
    return
  }
  const broken = await putInForce(named, dependencies)
  if (broken !== undefined) {
    status.refused({ ...result, ...broken })
    return
  }
  status.applied(named, result)
  reloads.settings = settings
  reloads.contents = contentsOf(result.files)
}

/** Returns the time for which the files must not change before they are read, in milliseconds. */
function quietMsOf({ reload }: Settings): number {
  return parseWait(reload.settle)
}

/** Puts a revision into force. If its revocations have errors, changes nothing and returns the errors. */
async function putInForce(
  handover: Handover,
  { core, revocations }: ApplyDependencies,
): Promise<RevocationsResult | undefined> {
  const commit = async (): Promise<void> => {
    await core.prepare(handover)
    await core.commit()
  }
  if (revocations !== undefined) return revocations.follow(handover, commit)
  await commit()
  return undefined
}

function pathsOf({ files, directories }: ReadPaths): ReadPaths {
  return { files, directories }
}
