import { readFileSync } from 'node:fs'

/** Descriptors kept for files, the log, DNS, the admin listener and everything else that is no client. */
const reserve = 48
/** More of them per thread: its event loop, its listener, and connections to issuers. */
const reservePerThread = 12
/** A client takes one for itself, and one for its call or stream at the upstream. */
const perConnection = 2
const fewest = 8

/**
 * Returns how many connections clients may have, all threads together, so that under every load a file can be read and an
 * upstream reached.
 *
 * @param wanted `listen.maxConnections`; undefined for as many as the limit of open files leaves room for
 * @param threads number of threads that serve
 * @param descriptors the limit of open files (RLIMIT_NOFILE); undefined where it is unknown
 */
export function connectionLimit(
  wanted: number | undefined,
  threads: number,
  descriptors: number | undefined = readDescriptorLimit(),
): number {
  const room = (descriptors ?? Infinity) - reserve - threads * reservePerThread
  return Math.max(fewest, Math.min(wanted ?? Infinity, Math.floor(room / perConnection)))
}

/** Returns the soft limit of open files, which Node raises to the hard one; undefined where the system does not say. */
function readDescriptorLimit(): number | undefined {
  try {
    const limits = readFileSync('/proc/self/limits', 'utf8')
    const [, soft] = /^Max open files\s+(\d+)/m.exec(limits) ?? []
    return soft === undefined ? undefined : Number(soft)
  } catch {
    return undefined
  }
}
