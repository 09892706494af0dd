import type { AddressInfo } from 'node:net'
import type { Log } from '../../observe/log.ts'
import type { Metrics } from '../../observe/metrics.ts'
import { createSharerCheck } from './port-sharers.ts'

const intervalMs = 2000

/** Detects other processes that listen on the gateway's port. */
export interface PortWatch {
  isShared(): boolean
  close(): void
}

/**
 * Watches a port that the workers of the gateway share. Reports another process that shares it too: the system gives it
 * connections, and so credentials, of clients.
 *
 * @throws Error with the code EADDRINUSE if another process listens already
 */
export function watchPort(address: AddressInfo, { log, metrics }: { log: Log; metrics: Metrics }): PortWatch {
  const check = createSharerCheck(address)
  let shared = false
  const look = (): void => {
    const now = check()
    if (now === shared) return
    shared = now
    metrics.set('gatehouse_port_shared', Number(shared))
    if (shared) log.error('port_shared', { port: address.port })
    else log.info('port_unshared', { port: address.port })
  }
  if (check()) {
    const message = `another process listens on port ${address.port}`
    throw Object.assign(new Error(message), { code: 'EADDRINUSE', syscall: 'listen' })
  }
  metrics.set('gatehouse_port_shared', 0)
  const timer = setInterval(look, intervalMs).unref()
  return { isShared: () => shared, close: () => clearInterval(timer) }
}
