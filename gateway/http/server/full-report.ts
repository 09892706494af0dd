import type { AccessLog } from './access-log.ts'

/** Milliseconds between two log lines. */
const reportInterval = 10_000

/**
 * Returns a callback for each connection that is refused or closed because there are too many. All are counted; the log
 * has a line at most every ten seconds.
 */
export function createFullReport({ log, metrics }: AccessLog): (refused: boolean) => void {
  let reportedAt = -Infinity
  return refused => {
    metrics.count('gatehouse_connections_dropped_total', { reason: refused ? 'refused' : 'made_room' })
    const now = performance.now()
    if (now - reportedAt < reportInterval) return
    reportedAt = now
    log.warn('connections_full', { refused })
  }
}
