import { Worker } from 'node:worker_threads'
import type { Counted } from '../../observe/metrics.ts'
import type { WorkerCore } from './worker-core.ts'
import { callsTo } from './thread-calls.ts'

/** What a thread is started with. */
export interface WorkerData {
  readonly sessionSecret: Uint8Array
  /** In shared memory, one per thread. */
  readonly connectionCounts: Int32Array
  readonly slot: number
}

/** What a thread tells of what it did. */
export interface ThreadRecords {
  /** Lines of the log. */
  readonly text: string
  readonly counted: Counted
}

/** A thread that serves. */
export interface WorkerThread {
  readonly thread: Worker
  readonly call: ReturnType<typeof callsTo<WorkerCore>>
  /** Resolves when it has ended, with what it ended of. */
  readonly ended: Promise<unknown>
}

/**
 * Starts a thread that serves once it is told what and where. One that is silent for too long is ended.
 *
 * @param timeoutMs milliseconds that it may take for a method
 */
export function startWorker(
  workerData: WorkerData,
  onRecords: (records: ThreadRecords) => void,
  timeoutMs: (method: keyof WorkerCore) => number,
): WorkerThread {
  const thread = new Worker(new URL('./worker-main.ts', import.meta.url), { workerData })
  const { promise: ended, resolve } = Promise.withResolvers<unknown>()
  let cause: unknown
  thread.once('error', error => (cause = error)).once('exit', () => resolve(cause))
  const onMessage = (message: unknown): void => onRecords((message as { records: ThreadRecords }).records)
  const onSilence = (): void => {
    cause = new Error('it did not answer')
    void thread.terminate()
  }
  const call = callsTo<WorkerCore>(thread, onMessage, onSilence, timeoutMs)
  return { thread, call, ended }
}
