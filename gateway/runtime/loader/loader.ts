import type { ReadResult } from '../../config/handover.ts'
import type { RevocableNames } from '../../config/revocation-entries.ts'
import type { RevocationsResult } from '../../config/revocations.ts'
import { loadTimeoutMs } from './load-timeout.ts'
import { createWorkerReader } from './worker-reader.ts'

/** Reads the configuration in a worker, so that a large one does not delay requests. */
export interface Loader {
  /**
   * Reads and checks the configuration as it stands now. Rejects if the worker dies, if it takes too long (LoadTimeout),
   * or when the signal aborts it. The next call gets a new worker.
   */
  load(this: void, signal?: AbortSignal): Promise<ReadResult>
  /** Reads and checks a revocations file in a second worker, so that it does not wait for a slow configuration. */
  loadRevocations(this: void, request: RevocationsRequest): Promise<RevocationsResult>
}

/** Data for the worker. */
export interface LoaderData {
  readonly path: string
  readonly env: Readonly<Record<string, string | undefined>>
}

/** Reason to read the configuration: the process starts, or it runs already. */
export type LoadCause = 'start' | 'reload'

/** A revocations file to read, and the names that it may refer to. */
export interface RevocationsRequest {
  /** Absolute path. */
  readonly file: string
  readonly names: RevocableNames
}

const revocationsTimeoutMs = 10_000

/**
 * Makes a loader. Its workers are started on demand.
 *
 * @param path absolute path of the main file
 * @param env values of `${NAME}` and `{env: NAME}`
 * @param timeoutMs milliseconds that a load may take
 */
export function createLoader(
  path: string,
  env: LoaderData['env'],
  timeoutMs: number = loadTimeoutMs,
): Loader {
  const workerData: LoaderData = { path, env: { ...env } }
  const read = createWorkerReader<LoadCause, ReadResult>(
    './loader-main.ts',
    workerData,
    'the configuration',
    timeoutMs,
  )
  let cause: LoadCause = 'start'
  return {
    async load(signal) {
      const result = await read(cause, signal)
      cause = 'reload'
      return result
    },
    loadRevocations: createWorkerReader<RevocationsRequest, RevocationsResult>(
      './revocations-main.ts',
      undefined,
      'the revocations file',
      revocationsTimeoutMs,
    ),
  }
}
