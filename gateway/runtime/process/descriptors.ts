import { readFileSync } from 'node:fs'

/** Descriptors reserved for files, the log, DNS, the admin listener and everything else apart from clients. */
const reserve = 48
/** Descriptors reserved per worker: its event loop, its listener, and connections to issuers. */
const reservePerWorker = 12
/** A client needs one descriptor for its connection, and one for its request or stream at the upstream. */
const descriptorsPerClient = 2
const minConnections = 8

/**
 * Returns the largest number of connections of clients, in all workers together, at which files can still be read and
 * upstreams reached.
 *
 * @param wanted `listen.maxConnections`; undefined for as many as the limit of open files permits
 * @param workers number of workers
 * @param descriptors limit of open files (RLIMIT_NOFILE); undefined if unknown
 */
export function connectionLimit(
  wanted: number | undefined,
  workers: number,
  descriptors: number | undefined = readDescriptorLimit(),
): number {
  const room = (descriptors ?? Infinity) - reserve - workers * reservePerWorker
  return Math.max(minConnections, Math.min(wanted ?? Infinity, Math.floor(room / descriptorsPerClient)))
}

/** Returns the soft limit of open files, which Node raises to the hard one; undefined if the system does not say. */
function readDescriptorLimit(): number | undefined {
  try {
    const limits = readFileSync('/proc/self/limits', 'utf8')
    const [, soft] = /^Max open files\s+(\d+)/m.exec(limits) ?? []
    return soft === undefined ? undefined : Number(soft)
  } catch {
    return undefined
  }
}
