import { readFileSync } from 'node:fs'

/** Which cores do what. */
export interface Cores {
  /** Whether there are enough to keep load and measured apart. */
  readonly pinned: boolean
  /** For the load generator and the upstream. */
  readonly load: string
  /** For the process that is measured, by how many threads of it serve. */
  measured(threads: number): string
}

/** Gives the first core that this process may use to the load and the upstream, and others to what is measured. */
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
