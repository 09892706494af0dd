import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { watch as watchPaths, type FSWatcher } from 'chokidar'

/** What the configuration was read from. */
export interface WatchedPaths {
  /** Absolute paths whose content matters. */
  readonly files: readonly string[]
  /** Absolute paths of folders whose listing matters. */
  readonly directories: readonly string[]
}

/** Tells when the bytes of the configuration may have changed. */
export interface Watcher {
  /** Watches other paths from now on; resolves when nothing can be missed any more. */
  follow(paths: WatchedPaths): Promise<void>
  close(): Promise<void>
}

const settleTime = 25
const settleTries = 40
const readyPatience = 2000

/**
 * Watches folders rather than files, so that editors that rename, `git checkout` and the `..data` swap of
 * Kubernetes are all seen; and looks itself every so often, because some file systems tell nothing.
 *
 * @param onChange called when something may have changed; cheap calls too many are expected
 * @param onFault called when watching is not possible; looking goes on
 * @param interval milliseconds between two looks
 */
export function createWatcher(
  onChange: () => void,
  onFault: (error: unknown) => void,
  interval: number,
): Watcher {
  let watcher: FSWatcher | undefined
  let watched = ''
  let closed = false
  const timer = setInterval(onChange, interval)
  timer.unref()
  return {
    async follow({ files, directories }) {
      const folders = [...new Set([...files.map(file => dirname(file)), ...directories])].toSorted()
      if (closed || folders.join('\0') === watched) return
      watched = folders.join('\0')
      const previous = watcher
      watcher = watchPaths(folders, { depth: 0, ignoreInitial: true, ignorePermissionErrors: true })
      watcher.on('raw', onChange).on('all', onChange).on('error', onFault)
      await Promise.race([once(watcher, 'ready'), delay(readyPatience)])
      await previous?.close()
    },
    async close() {
      closed = true
      clearInterval(timer)
      await watcher?.close()
    },
  }
}

/** SHA-256 over the content of files and the listing of folders; what is not there counts as such. */
export function fingerprint({ files, directories }: WatchedPaths): string {
  const hash = createHash('sha256')
  for (const file of files) hash.update(`\0${file}\0`).update(attempt(() => readFileSync(file)))
  for (const folder of directories)
    hash.update(`\0${folder}\0`).update(attempt(() => readdirSync(folder).join('\0')))
  return hash.digest('hex')
}

/** The fingerprint once it has stopped changing, so that a file is not read while it is being written. */
export async function settledFingerprint(paths: WatchedPaths): Promise<string> {
  let seen = fingerprint(paths)
  for (let tries = 0; tries < settleTries; tries++) {
    await delay(settleTime)
    const again = fingerprint(paths)
    if (again === seen) break
    seen = again
  }
  return seen
}

function attempt<Value extends string | Buffer>(read: () => Value): Value | string {
  try {
    return read()
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code)
  }
}
