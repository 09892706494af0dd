import { readFileSync } from 'node:fs'
import { cpuTime } from './proc.ts'

/** CPU time that the bench did not get, as shares of the machine. It explains noisy figures. */
export interface Others {
  /** Used by other processes. */
  readonly used: number
  /** Withheld by the host of a virtual machine (steal). */
  readonly withheld: number
}

/** Starts to count. Returns a function that returns what other processes have used since. */
export function watchOthers(): () => Others {
  const from = read()
  return () => {
    const to = read()
    const all = to.all - from.all
    const used = to.busy - from.busy - (to.own - from.own)
    return { used: Math.max(0, used / all), withheld: (to.withheld - from.withheld) / all }
  }
}

/** Reads CPU times in ticks of the kernel (proc(5), /proc/stat and /proc/PID/stat). */
function read(): { all: number; busy: number; withheld: number; own: number } {
  const [total = ''] = readFileSync('/proc/stat', 'utf8').split('\n', 1)
  const [user, nice, system, idle, wait, hard, soft, withheld] = total.split(/\s+/).slice(1).map(Number)
  const busy = user! + nice! + system! + hard! + soft!
  const ended = readFileSync('/proc/self/stat', 'utf8').split(') ').at(-1)!.split(' ').slice(13, 15)
  return {
    all: busy + idle! + wait! + withheld!,
    busy,
    withheld: withheld!,
    own: cpuTime(process.pid) / 10_000 + ended.reduce((sum, text) => sum + Number(text), 0),
  }
}
