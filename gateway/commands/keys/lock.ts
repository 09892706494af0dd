import { createHash, randomUUID } from 'node:crypto'
import { closeSync, constants, fstatSync, openSync, readSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { printable } from '../../lib/printable.ts'

/** Another process holds the lock of a file for too long. */
export class LockedError extends Error {
  override name = 'LockedError'
}

/** Largest lock file that is read, in bytes. Ours are smaller. */
const maxLockBytes = 512

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * Runs `work` under a lock: `FILE.lock`, which names this process. Waits for other processes, and takes over the lock of
 * one that has died on this machine. Signals wait until the work, which is synchronous, is done: a key in the file would
 * be useless if its secret was never shown.
 *
 * @param timeoutMs milliseconds to wait for other processes
 * @throws LockedError after that time, or when `FILE.lock` is not a lock file; and errors of the file system
 */
export async function withLock<Result>(
  file: string,
  work: () => Result,
  timeoutMs = 15_000,
): Promise<Result> {
  const lock = `${file}.lock`
  for (const deadline = Date.now() + timeoutMs; ;) {
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

/** Creates a file. Returns false when it exists already. */
function createFile(path: string, content: string): boolean {
  try {
    writeFileSync(path, content, { flag: 'wx' })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return false
  }
}

/**
 * Reads a lock, which anybody may have created: never through a link or from a pipe, and at most `maxLockBytes`. Returns
 * undefined when there is none.
 */
function read(lock: string): string | undefined {
  let file
  try {
    file = openSync(lock, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW)
    if (!fstatSync(file).isFile()) throw notOurs(lock)
    const bytes = Buffer.alloc(maxLockBytes + 1)
    const length = readSync(file, bytes)
    return length > maxLockBytes ? '' : bytes.toString('utf8', 0, length)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    // A symbolic link or a socket.
    if (code === 'ELOOP' || code === 'ENXIO') throw notOurs(lock)
    throw error
  } finally {
    if (file !== undefined) closeSync(file)
  }
}

function notOurs(lock: string): LockedError {
  return new LockedError(`${lock} is not a lock file; remove it`)
}

// A process id says nothing about another machine or container.
function isDead(holder: string): boolean {
  const [, pid, host] = /^([1-9]\d{0,9}) (\S+) \S+\n$/.exec(holder) ?? []
  if (pid === undefined || host !== hostname()) return false
  try {
    process.kill(Number(pid), 0)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}

/**
 * Removes the lock of a dead process. The claim, which is named after this lock, keeps others from removing the next one.
 * Its name is a digest, because the content of the lock could be a path.
 */
function takeAway(lock: string, holder: string): void {
  const claim = `${lock}.${createHash('sha256').update(holder).digest('hex').slice(0, 32)}.stale`
  if (!createFile(claim, '')) return
  try {
    if (read(lock) === holder) rmSync(lock, { force: true })
  } finally {
    rmSync(claim, { force: true })
  }
}

function explain(lock: string, holder = ''): string {
  const [, pid, host] = /^(\d+) (\S+) /.exec(holder) ?? []
  const who = pid === undefined ? 'another process' : `process ${pid} on ${printable(host ?? '')}`
  return `the configuration is locked by ${who}; if nothing is editing it, remove ${lock}`
}
