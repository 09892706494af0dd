import { randomUUID } from 'node:crypto'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'

/** Another process has kept a file locked for too long. */
export class LockedError extends Error {
  override name = 'LockedError'
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * Does something while no other process that asks does: holds `FILE.lock`, which names this process. Waits for
 * others, and takes over from one that has died on this machine. Signals wait until the work, which is synchronous,
 * is done: a key that is in the file and whose secret was never shown would be of no use to anybody.
 *
 * @param patience milliseconds to wait for others
 * @throws LockedError when they were not enough, and what the file system throws
 */
export async function withLock<Result>(file: string, work: () => Result, patience = 15_000): Promise<Result> {
  const lock = `${file}.lock`
  for (const deadline = Date.now() + patience; ;) {
    const done = tryWork(lock, work)
    if (done !== undefined) return done.result
    const holder = read(lock)
    if (holder !== undefined && isDead(holder)) takeAway(lock, holder)
    else if (Date.now() > deadline) throw new LockedError(explain(lock, holder))
    else await delay(20 + Math.random() * 30)
  }
}

const hold = (): void => {}

function tryWork<Result>(lock: string, work: () => Result): { result: Result } | undefined {
  if (!createFile(lock, `${process.pid} ${hostname()} ${randomUUID()}\n`)) return undefined
  const free = (): void => rmSync(lock, { force: true })
  for (const signal of signals) process.on(signal, hold)
  process.on('exit', free)
  try {
    return { result: work() }
  } finally {
    free()
    process.off('exit', free)
    for (const signal of signals) process.off(signal, hold)
  }
}

/** Whether the file was not there and is now. */
function createFile(path: string, content: string): boolean {
  try {
    writeFileSync(path, content, { flag: 'wx' })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return false
  }
}

function read(lock: string): string | undefined {
  try {
    return readFileSync(lock, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    return undefined
  }
}

// A process number says nothing about another machine, or another container.
function isDead(holder: string): boolean {
  const [, pid, host] = /^([1-9]\d*) (\S+) \S+\n$/.exec(holder) ?? []
  if (pid === undefined || host !== hostname()) return false
  try {
    process.kill(Number(pid), 0)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}

/** Removes a dead process's lock. The claim, named after that very lock, keeps others from removing the next one. */
function takeAway(lock: string, holder: string): void {
  const claim = `${lock}.${holder.trim().split(' ')[2]}.stale`
  if (!createFile(claim, '')) return
  try {
    if (read(lock) === holder) rmSync(lock, { force: true })
  } finally {
    rmSync(claim, { force: true })
  }
}

function explain(lock: string, holder = ''): string {
  const [, pid, host] = /^(\d+) (\S+) /.exec(holder) ?? []
  const who = pid === undefined ? 'something else' : `process ${pid} on ${host}`
  return `${lock} is held by ${who}: remove that file if nothing is editing the configuration`
}
