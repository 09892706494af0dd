import { once } from 'node:events'
import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { watch as watchPaths, type FSWatcher } from 'chokidar'
import {
  digestOfAll,
  digestOfFile,
  digestOfListing,
  type ReadPaths,
} from '../../config/document/content-digest.ts'

/** Tells when the bytes of the configuration may have changed. */
export interface Watcher {
  /** Watches other paths from now on; resolves when nothing can be missed any more. */
  follow(paths: ReadPaths): Promise<void>
  close(): Promise<void>
}

const settleTime = 25
const settleTries = 40
const readyTimeoutMs = 2000

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
      // A fault is told to onFault, and whoever looks by himself need not wait for anything.
      const ready = once(watcher, 'ready').catch(() => {})
      await Promise.race([ready, delay(readyTimeoutMs, undefined, { ref: false })])
      await previous?.close()
    },
    async close() {
      closed = true
      clearInterval(timer)
      await watcher?.close()
    },
  }
}

/** What stands at the paths now; the same as the `digest` of a load that would read the same bytes. */
export function digestOfFiles(paths: ReadPaths): string {
  const folders = new Set(paths.directories)
  return digestOfAll(paths, path => (folders.has(path) ? digestOfListing(path) : digestOfFile(path)))
}

/** The digest once it has stopped changing, so that a file is not read while it is being written. */
export function settledDigest(paths: ReadPaths): Promise<string> {
  return settled(() => digestOfFiles(paths))
}

/** What a look sees once it sees the same twice, or after a second. */
export async function settled(look: () => string): Promise<string> {
  let seen = look()
  for (let tries = 0; tries < settleTries; tries++) {
    await delay(settleTime)
    const again = look()
    if (again === seen) break
    seen = again
  }
  return seen
}
