import type { ReadResult } from '../../config/handover.ts'
import type { RevocableNames } from '../../config/revocation-entries.ts'
import type { RevocationsResult } from '../../config/revocations.ts'
import { loadTimeoutMs } from './load-timeout.ts'
import { createThreadReader } from './worker-reader.ts'

/** Reads the configuration in a thread of its own, so that a large one keeps no request waiting. */
export interface Loader {
  /**
   * Reads and checks it as it stands now. Rejects where the thread dies over it, takes too long (LoadTimeout) or the
   * signal gives it up; the next call has another.
   */
  load(this: void, signal?: AbortSignal): Promise<ReadResult>
  /** Reads and checks a revocations file, in another thread: it does not wait for a configuration that takes long. */
  loadRevocations(this: void, request: RevocationsRequest): Promise<RevocationsResult>
}

/** What the thread is started with. */
export interface LoaderData {
  readonly path: string
  readonly env: Readonly<Record<string, string | undefined>>
}

/** Which revocations file to read, and what it may refer to. */
export interface RevocationsRequest {
  /** Absolute path. */
  readonly file: string
  readonly names: RevocableNames
}

const revocationsTimeoutMs = 10_000

/**
 * Makes a loader, whose threads are started when they are needed.
 *
 * @param path of the main file, absolute
 * @param env what `${NAME}` and `{env: NAME}` stand for
 * @param limit milliseconds that a load may take
 */
export function createLoader(path: string, env: LoaderData['env'], limit: number = loadTimeoutMs): Loader {
  const workerData: LoaderData = { path, env: { ...env } }
  const read = createThreadReader<'load', ReadResult>(
    './loader-main.ts',
    workerData,
    'the configuration',
    limit,
  )
  return {
    load: signal => read('load', signal),
    loadRevocations: createThreadReader<RevocationsRequest, RevocationsResult>(
      './revocations-main.ts',
      undefined,
      'the revocations file',
      revocationsTimeoutMs,
    ),
  }
}
