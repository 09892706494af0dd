import type { Handover, ReadResult } from '../config/handover.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { InForce } from './build/revision-name.ts'
import { report, type ConfigStatus } from './config-status.ts'

/** The revision in force and the outcome of the last reload, in the status, the metrics and the log. */
export interface ReloadStatus {
  inForce(): InForce
  status(): ConfigStatus
  /** Returns how many seconds the files have differed from the revision in force; 0 if they do not differ. */
  pendingSeconds(): number
  /** Returns whether the last reload succeeded, whatever has changed since. */
  isSuccessful(): boolean
  /** The files differ from the revision in force. */
  pending(): void
  /** The files no longer differ from the revision in force. */
  settled(): void
  applied(handover: Handover, result: ReadResult): void
  /** The files say what is in force already. */
  unchanged(result: ReadResult): void
  /** The configuration has errors. */
  refused(refusal: ReadResult): void
  /** A reload failed for a reason other than the content of the files. */
  failed(error: Error): void
}

/** Makes the status of a gateway that has just applied its first configuration. */
export function createReloadStatus(
  first: ReadResult & { readonly handover: Handover },
  { log, metrics }: { readonly log: Log; readonly metrics: Metrics },
): ReloadStatus {
  let { revision, secrets }: InForce = first.handover
  let appliedAt = new Date()
  let lastReload: ConfigStatus['lastReload'] = report(first, true)
  let pendingSince: Date | undefined
  announce(metrics, revision, appliedAt)
  const pendingSeconds = (): number => (pendingSince === undefined ? 0 : secondsSince(pendingSince))

  return {
    inForce: () => ({ revision, secrets }),
    status: () => ({
      revision,
      appliedAt: appliedAt.toISOString(),
      // Newer bytes wait, whatever became of the last ones.
      lastReload: pendingSince === undefined ? lastReload : { ...lastReload, successful: false },
      pending: pendingSince && { since: pendingSince.toISOString(), seconds: pendingSeconds() },
    }),
    pendingSeconds,
    isSuccessful: () => lastReload.successful,
    pending: () => void (pendingSince ??= new Date()),
    settled: () => (pendingSince = undefined),
    applied(handover, result) {
      const previous = revision
      ;({ revision, secrets } = handover)
      lastReload = report(result, true)
      pendingSince = undefined
      appliedAt = new Date()
      announce(metrics, revision, appliedAt)
      metrics.count('gatehouse_config_reloads_total', { result: 'applied' })
      log.info('config_applied', { revision, previous })
    },
    unchanged(result) {
      lastReload = report(result, true)
      pendingSince = undefined
      metrics.set('gatehouse_config_last_reload_successful', 1)
    },
    refused(refusal) {
      lastReload = report(refusal, false)
      countFailure(metrics, 'refused')
      const { diagnostics, omitted } = lastReload
      log.error('config_refused', {
        revision,
        pendingSince: pendingSince?.toISOString(),
        diagnostics,
        omitted,
      })
    },
    failed(error) {
      pendingSince ??= new Date()
      lastReload = { ...lastReload, successful: false, at: new Date().toISOString() }
      countFailure(metrics, 'failed')
      const since = pendingSince.toISOString()
      log.error('reload_failed', { revision, pendingSince: since, error: String(error.stack) })
    },
  }
}

function secondsSince(instant: Date): number {
  return (Date.now() - instant.getTime()) / 1000
}

function announce(metrics: Metrics, revision: string, appliedAt: Date): void {
  metrics.set('gatehouse_config_last_reload_successful', 1)
  metrics.set('gatehouse_config_last_reload_success_timestamp_seconds', appliedAt.getTime() / 1000)
  metrics.set('gatehouse_config_info', 1, { revision })
}

function countFailure(metrics: Metrics, result: 'refused' | 'failed'): void {
  metrics.set('gatehouse_config_last_reload_successful', 0)
  metrics.count('gatehouse_config_reloads_total', { result })
}
