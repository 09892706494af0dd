import type { RevocationsResult } from '../config/revocations.ts'
import type { RevocationEntries } from '../values/revocation-id.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import { report, type ConfigStatus } from './config-status.ts'

/** Revocations as operators see them. */
export interface RevocationsReport {
  /** Number of entries in force. */
  readonly count: number
  readonly appliedAt: string
  readonly lastReload: ConfigStatus['lastReload']
  /** Time since which the file has had content that cannot be applied; absent if it has none. */
  readonly pending?: ConfigStatus['pending']
}

/** The revocations in force and the outcome of the last reload, in the status, the metrics and the log. */
export interface RevocationsStatus {
  /** Returns the entries in force. */
  entries(): RevocationEntries
  /** Returns undefined if the configuration names no file. */
  report(): RevocationsReport | undefined
  applied(result: RevocationsResult & { readonly entries: RevocationEntries }): void
  /** @param error reason for a failure that the content of the file did not cause */
  refused(result: Pick<RevocationsResult, 'diagnostics' | 'omitted'>, error?: unknown): void
  /** The configuration names no file any more. */
  removed(): void
}

const noEntries: RevocationEntries = new Map()

/** Makes the status of a gateway without revocations. */
export function createRevocationsStatus(log: Log, metrics: Metrics): RevocationsStatus {
  let entries = noEntries
  let appliedAt = new Date()
  let lastReload: ConfigStatus['lastReload'] | undefined
  let pendingSince: Date | undefined

  function measure(): void {
    metrics.set('gatehouse_revocations', entries.size)
    metrics.set('gatehouse_revocations_last_reload_successful', Number(pendingSince === undefined))
  }

  return {
    entries: () => entries,
    report: () =>
      lastReload && {
        count: entries.size,
        appliedAt: appliedAt.toISOString(),
        lastReload,
        pending: pendingSince && {
          since: pendingSince.toISOString(),
          seconds: (Date.now() - pendingSince.getTime()) / 1000,
        },
      },
    applied(result) {
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
    },
    refused(result, error) {
      pendingSince ??= new Date()
      lastReload = report(result, false)
      measure()
      const { diagnostics, omitted } = lastReload
      const fields = { count: entries.size, pendingSince: pendingSince.toISOString(), diagnostics, omitted }
      const message = error === undefined ? undefined : String((error as Error).message)
      log.error('revocations_refused', { ...fields, error: message })
    },
    removed() {
      entries = noEntries
      pendingSince = undefined
      lastReload = undefined
      metrics.setEach('gatehouse_revocations', [])
      metrics.setEach('gatehouse_revocations_last_reload_successful', [])
    },
  }
}
