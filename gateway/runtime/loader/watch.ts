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

/** Reports when the bytes of the configuration may have changed. */
export interface Watcher {
  /** Watches other paths from now on. Resolves when no change can be missed any more. */
  follow(paths: ReadPaths): Promise<void>
  close(): Promise<void>
}

const readyTimeoutMs = 2000

/**
 * Watches folders rather than files, so that it sees editors that rename, `git checkout` and the `..data` swap of
 * Kubernetes. Also polls, because some file systems report nothing.
 *
 * @param onChange called when something may have changed, and often when nothing has
 * @param onFault called when watching is not possible; polling goes on
 * @param intervalMs milliseconds between two polls
 */
export function createWatcher(
  onChange: () => void,
  onFault: (error: unknown) => void,
  intervalMs: number,
): Watcher {
  let watcher: FSWatcher | undefined
  let watched = ''
  let closed = false
  const timer = setInterval(onChange, intervalMs)
  timer.unref()
  return {
    async follow({ files, directories }) {
      const folders = [...new Set([...files.map(file => dirname(file)), ...directories])].toSorted()
      if (closed || folders.join('\0') === watched) return
      watched = folders.join('\0')
      const previous = watcher
      watcher = watchPaths(folders, { depth: 0, ignoreInitial: true, ignorePermissionErrors: true })
      watcher.on('raw', onChange).on('all', onChange).on('error', onFault)
      // onFault gets the error, and polling needs no watcher.
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

/** Returns the digest of the files as they stand now: the `digest` of a load that reads the same bytes. */
export function digestOfFiles(paths: ReadPaths): string {
  const folders = new Set(paths.directories)
  return digestOfAll(paths, path => (folders.has(path) ? digestOfListing(path) : digestOfFile(path)))
}
