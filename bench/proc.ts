import { readdirSync, readFileSync } from 'node:fs'

/** The kernel counts CPU time in ticks of 1/100 s for everybody (proc(5), USER_HZ). */
const tick = 10_000

/**
 * CPU time that a process and its children have used so far, in microseconds: user and system, all threads, of
 * children that live. Linux only.
 */
export function cpuTime(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
  const below = children === '' ? [] : children.split(' ').map(Number)
  return ticks(`/proc/${pid}/stat`) * tick + below.reduce((sum, child) => sum + cpuTime(child), 0)
}

/** CPU time of each thread of a process so far, in microseconds, by thread id. */
export function threadTimes(pid: number): Map<string, number> {
  const threads = readdirSync(`/proc/${pid}/task`)
  return new Map(threads.map(thread => [thread, ticks(`/proc/${pid}/task/${thread}/stat`) * tick]))
}

/** Resident memory of a process in bytes. */
export function residentMemory(pid: number): number {
  const [, kibibytes] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kibibytes) * 1024
}

/** How many files and sockets a process started here may have open; a Node process raises itself to the hard limit. */
export function openFilesLimit(): number {
  const [, hard] = /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? []
  return hard === 'unlimited' ? Number.POSITIVE_INFINITY : Number(hard)
}

function ticks(path: string): number {
  // The name of the program stands in parentheses and may hold spaces.
  const fields = readFileSync(path, 'utf8').split(') ').at(-1)!.split(' ')
  return Number(fields[11]) + Number(fields[12])
}
