import { Worker } from 'node:worker_threads'
import type { Counted } from '../../observe/metrics.ts'
import type { WorkerCore } from './worker-core.ts'
import { openCalls, type CallRemote } from './worker-calls.ts'

/** Data for a worker. */
export interface WorkerData {
  readonly sessionSecret: Uint8Array
  /** In shared memory, one per worker. */
  readonly connectionCounts: Int32Array
  readonly slot: number
}

/** Report of a worker. */
export interface WorkerRecords {
  /** Lines of the log. */
  readonly text: string
  readonly counted: Counted
}

/** Methods of the main thread that its workers can call. There are none yet. */
export type MainMethods = Readonly<Record<never, never>>

/** A worker that serves clients. */
export interface ServingWorker {
  readonly native: Worker
  readonly call: CallRemote<WorkerCore>
  /** Resolves when the worker has ended, with the cause of its end. */
  readonly ended: Promise<unknown>
}

/**
 * Starts a worker, which serves after `prepare`, `commit` and `listen`. Ends it when it does not answer a call in time.
 *
 * @param timeoutMs returns the milliseconds that a method may take
 */
export function startWorker(
  workerData: WorkerData,
  main: MainMethods,
  onRecords: (records: WorkerRecords) => void,
  timeoutMs: (method: keyof WorkerCore) => number,
): ServingWorker {
  const native = new Worker(new URL('./worker-main.ts', import.meta.url), { workerData })
  const { promise: ended, resolve } = Promise.withResolvers<unknown>()
  let cause: unknown
  const { call, close } = openCalls<WorkerCore>(native, main, {
    timeoutMs,
    isStarting: true,
    onMessage: message => onRecords((message as { records: WorkerRecords }).records),
    onTimeout(timeout) {
      cause = timeout
      void native.terminate()
    },
  })
  native
    .once('error', error => (cause = error))
    .once('exit', () => {
      close('the worker has ended')
      resolve(cause)
    })
  return { native, call, ended }
}
