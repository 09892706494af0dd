import type { Handover } from '../config/handover.ts'
import { digestOfFile } from '../config/document/content-digest.ts'
import type { RevocationsResult } from '../config/revocations.ts'
import type { RevocationEntries } from '../values/revocation-id.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import { report, type ConfigStatus } from './config-status.ts'
import type { RevocationsRequest } from './loader/loader.ts'
import type { WorkerCore } from './workers/worker-core.ts'
import { settled } from './loader/watch.ts'

/** Reads and checks a revocations file as it stands now. */
export type LoadRevocations = (request: RevocationsRequest) => RevocationsResult | Promise<RevocationsResult>

/** What operators are told about revocations. */
export interface RevocationsStatus {
  /** Number of entries in force. */
  readonly count: number
  readonly appliedAt: string
  readonly lastReload: ConfigStatus['lastReload']
  /** Since when the file has said something that cannot be applied; absent where it does not. */
  readonly pending?: ConfigStatus['pending']
}

/** Applies the revocations file on its own, whatever becomes of the configuration. The last good content stays in force. */
export interface RevocationsKeeper {
  /** Absolute path of the file; undefined where the configuration in force names none. */
  path(): string | undefined
  /** Undefined where no file is named. */
  status(): RevocationsStatus | undefined
  /**
   * Puts a configuration into force together with the revocations that it names: those before it stay until it is in force,
   * and its own are from then on.
   *
   * @param commit puts the configuration into force
   * @returns what is wrong with its revocations, and then nothing was done; undefined otherwise
   */
  follow(checked: Handover, commit: () => Promise<void>): Promise<RevocationsResult | undefined>
  /** Applies the file where its bytes differ from those of the last attempt. Never throws. */
  apply(): Promise<void>
}

const nothing: RevocationEntries = new Map()

/** Makes a keeper that follows no file yet. */
export function createRevocationsKeeper(
  load: LoadRevocations,
  { core, log, metrics }: { core: Pick<WorkerCore, 'revoke'>; log: Log; metrics: Metrics },
): RevocationsKeeper {
  let file: string | undefined
  let names: RevocationsRequest['names'] = { keys: [], issuers: [], hashes: [] }
  let entries = nothing
  let appliedAt = new Date()
  let lastReload: ConfigStatus['lastReload'] | undefined
  let pendingSince: Date | undefined
  let attempted: string | undefined
  let turn: Promise<unknown> = Promise.resolve()
  let waiting = false

  /** One thing at a time. */
  function inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = turn.then(work)
    turn = result.catch(() => {})
    return result
  }

  function measure(): void {
    if (lastReload === undefined) return
    metrics.set('gatehouse_revocations', entries.size)
    metrics.set('gatehouse_revocations_last_reload_successful', Number(pendingSince === undefined))
  }

  function applied(result: RevocationsResult & { readonly entries: RevocationEntries }): void {
    const previous = entries.size
    entries = result.entries
    appliedAt = new Date()
    pendingSince = undefined
    lastReload = report(result, true)
    measure()
    const { diagnostics, omitted } = lastReload
    const fields = { count: entries.size, previous }
    if (diagnostics.length === 0) log.info('revocations_applied', fields)
    else log.warn('revocations_applied', { ...fields, diagnostics, omitted })
  }

  function refused(told: Pick<RevocationsResult, 'diagnostics' | 'omitted'>, error?: unknown): void {
    pendingSince ??= new Date()
    lastReload = report(told, false)
    measure()
    log.error('revocations_refused', {
      count: entries.size,
      pendingSince: pendingSince.toISOString(),
      diagnostics: lastReload.diagnostics,
      omitted: lastReload.omitted,
      error: error === undefined ? undefined : String((error as Error).message),
    })
  }

  async function applyOnce(): Promise<void> {
    const path = file
    if (path === undefined) return
    const look = (): string => digestOfFile(path)
    if (look() === attempted) return
    if ((await settled(look)) === attempted) return
    const result = await load({ file: path, names })
    attempted = result.digest
    if (result.entries === undefined) {
      refused(result)
      return
    }
    await core.revoke(result.entries)
    applied({ ...result, entries: result.entries })
  }

  async function change(
    checked: Handover,
    commit: () => Promise<void>,
  ): Promise<RevocationsResult | undefined> {
    const { revocations } = checked
    const result = revocations && (await load(revocations))
    if (result !== undefined && result.entries === undefined) return result
    const before = entries
    const after = result?.entries ?? nothing
    await core.revoke(new Map([...before, ...after]))
    try {
      await commit()
    } catch (error) {
      await core.revoke(before)
      throw error
    }
    await core.revoke(after)
    file = revocations?.file
    names = revocations?.names ?? names
    attempted = result?.digest
    lastReload = undefined
    if (result === undefined) {
      entries = nothing
      pendingSince = undefined
      metrics.setEach('gatehouse_revocations', [])
      metrics.setEach('gatehouse_revocations_last_reload_successful', [])
    } else applied({ ...result, entries: after })
    return undefined
  }

  return {
    path: () => file,
    status: () =>
      lastReload && {
        count: entries.size,
        appliedAt: appliedAt.toISOString(),
        lastReload,
        pending: pendingSince && {
          since: pendingSince.toISOString(),
          seconds: (Date.now() - pendingSince.getTime()) / 1000,
        },
      },
    async follow(checked, commit) {
      if (checked.revocations?.file !== file) return inTurn(() => change(checked, commit))
      names = checked.revocations?.names ?? names
      await commit()
      return undefined
    },
    async apply() {
      // Whoever waits for the next turn will see the latest bytes then.
      if (waiting) return
      waiting = true
      await inTurn(() => {
        waiting = false
        return applyOnce()
      }).catch((error: unknown) => {
        // What failed for another reason than its content is tried again at the next look.
        attempted = undefined
        refused({ diagnostics: [], omitted: 0 }, error)
      })
    },
  }
}
