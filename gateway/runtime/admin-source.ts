import type { AdminSource } from '../observe/admin.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { Applier } from './apply.ts'
import type { RevocationsKeeper } from './revocations.ts'
import type { WorkerCore } from './workers/worker-core.ts'

/** The parts of a gateway that operators can query. */
export interface AdminParts {
  readonly core: Pick<WorkerCore, 'gauges'>
  readonly metrics: Metrics
  readonly applier: Applier
  readonly revocations: RevocationsKeeper
  isStopping(this: void): boolean
  isPortShared(this: void): boolean
  /** Called for each request for /readyz. */
  onProbe(this: void): void
  /** Returns the number of log lines that could not be written so far. */
  droppedLines(this: void): number
}

/** Makes the source of /readyz, /status and /metrics. */
export function createAdminSource({
  core,
  metrics,
  applier,
  revocations,
  isStopping,
  isPortShared,
  onProbe,
  droppedLines,
}: AdminParts): AdminSource {
  let countedLines = 0
  return {
    async ready() {
      onProbe()
      return !isStopping() && !isPortShared() && (await core.gauges()).workers > 0
    },
    async status() {
      const { openStreams, workers } = await core.gauges()
      return {
        ...applier.status(),
        revocations: revocations.status(),
        draining: isStopping(),
        openStreams,
        workers,
      }
    },
    async metrics() {
      const { openStreams, connections, requests, workers, keyAges } = await core.gauges()
      metrics.set('gatehouse_open_streams', openStreams)
      metrics.set('gatehouse_connections', connections)
      metrics.set('gatehouse_requests_in_flight', requests)
      metrics.set('gatehouse_workers', workers)
      metrics.set('gatehouse_config_pending_seconds', applier.pendingSeconds())
      metrics.setEach('gatehouse_jwks_age_seconds', keyAges)
      const lines = droppedLines()
      metrics.add([['gatehouse_log_lines_dropped_total', '', lines - countedLines]])
      countedLines = lines
      return metrics.render()
    },
  }
}
