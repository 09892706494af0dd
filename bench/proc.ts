import { readdirSync, readFileSync } from 'node:fs'

/** Microseconds of a tick, in which the kernel counts CPU time (proc(5), USER_HZ). */
const tick = 10_000

/**
 * Returns the CPU time of a process and its living children so far, in microseconds: user and system time of all threads.
 * Linux only.
 */
export function cpuTime(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
  const below = children === '' ? [] : children.split(' ').map(Number)
  return ticks(`/proc/${pid}/stat`) * tick + below.reduce((sum, child) => sum + cpuTime(child), 0)
}

/** Returns the CPU time of each thread of a process so far, in microseconds, by thread id. */
export function threadTimes(pid: number): Map<string, number> {
  const threads = readdirSync(`/proc/${pid}/task`)
  return new Map(threads.map(thread => [thread, ticks(`/proc/${pid}/task/${thread}/stat`) * tick]))
}

/** Returns the resident memory of a process in bytes. */
export function residentMemory(pid: number): number {
  const [, kibibytes] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kibibytes) * 1024
}

/** Returns the number of files and sockets that a child process may open. Node raises its own limit to the hard limit. */
export function openFilesLimit(): number {
  const [, hard] = /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? []
  return hard === 'unlimited' ? Number.POSITIVE_INFINITY : Number(hard)
}

function ticks(path: string): number {
  // The name of the program is in parentheses and may have spaces.
  const fields = readFileSync(path, 'utf8').split(') ').at(-1)!.split(' ')
  return Number(fields[11]) + Number(fields[12])
}
