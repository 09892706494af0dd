import type { ReadPaths } from '../config/document/content-digest.ts'
import type { ReadResult } from '../config/handover.ts'
import { LoadTimeout } from './loader/load-timeout.ts'
import { digestOfFiles } from './loader/watch.ts'

/**
 * Reads and checks the configuration as it stands now. Rejects with the reason of the signal when it is aborted, and with
 * a LoadTimeout when it takes too long.
 */
export type LoadConfig = (signal?: AbortSignal) => ReadResult | Promise<ReadResult>

/** Loads of the configuration, which newer bytes supersede. */
export interface Loads {
  /** Loads the configuration; returns undefined if the load was superseded. */
  run(): Promise<ReadResult | undefined>
  /**
   * Aborts the load in progress if the files have changed since it began.
   *
   * @param digest of the files when the load began
   * @returns whether it was aborted
   */
  supersede(paths: ReadPaths, digest: string | undefined): boolean
  /** Returns whether the files changed while they were read. */
  isOutdated(result: ReadResult): boolean
  /** Returns whether the last load timed out, and its files have been left alone for long enough. */
  isRested(): boolean
  abort(reason: string): void
}

/** Largest number of loads in a row that are superseded because the files change faster than they can be read. */
const maxSuperseded = 10
/** Milliseconds between two digests of the files while they are read. */
const digestIntervalMs = 100
/** Milliseconds for which files that took too long are left alone, unless they change. */
const timeoutRestMs = 300_000

/** Makes a loader with no load in progress. */
export function createLoads(load: LoadConfig): Loads {
  let loading: { readonly controller: AbortController; digestedAt: number } | undefined
  /** Number of loads in a row that were superseded. */
  let superseded = 0
  let restsUntil = Infinity
  return {
    async run() {
      const controller = new AbortController()
      loading = { controller, digestedAt: performance.now() }
      restsUntil = Infinity
      try {
        return await load(controller.signal)
      } catch (error) {
        if (error instanceof LoadTimeout) restsUntil = Date.now() + timeoutRestMs
        if (!controller.signal.aborted) throw error
        superseded++
        return undefined
      } finally {
        loading = undefined
      }
    },
    supersede(paths, digest) {
      if (loading === undefined || superseded >= maxSuperseded) return false
      const now = performance.now()
      if (now - loading.digestedAt < digestIntervalMs) return false
      loading.digestedAt = now
      if (digestOfFiles(paths) === digest) return false
      loading.controller.abort(new Error('the files changed while they were read'))
      return true
    },
    isOutdated(result) {
      const isOutdated = superseded < maxSuperseded && digestOfFiles(result) !== result.digest
      superseded = isOutdated ? superseded + 1 : 0
      return isOutdated
    },
    isRested: () => Date.now() >= restsUntil,
    abort: reason => loading?.controller.abort(new Error(reason)),
  }
}
