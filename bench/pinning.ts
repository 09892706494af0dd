import { readFileSync } from 'node:fs'

/** Assignment of CPU cores. */
export interface Cores {
  /** Whether there are enough cores to separate the load from the measured process. */
  readonly pinned: boolean
  /** For the load generator and the upstream. */
  readonly load: string
  /** For the measured process, by its number of serving threads. */
  measured(threads: number): string
}

/** Assigns the first core that this process may use to the load and the upstream, and the others to the measured process. */
export function assignCores(): Cores {
  const allowed = allowedCores()
  const [load, ...others] = allowed
  if (others.length === 0) return { pinned: false, load: String(load), measured: () => String(load) }
  return {
    pinned: true,
    load: String(load),
    measured: threads => others.slice(0, threads).join(','),
  }
}

function allowedCores(): number[] {
  const [, list = '0'] = /^Cpus_allowed_list:\s+(\S+)/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? []
  return list.split(',').flatMap(part => {
    const [first, last = first] = part.split('-').map(Number)
    return Array.from({ length: last! - first! + 1 }, (_, index) => first! + index)
  })
}
