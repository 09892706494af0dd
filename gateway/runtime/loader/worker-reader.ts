import { Worker } from 'node:worker_threads'
import { LoadTimeout } from './load-timeout.ts'

/**
 * Returns a function that reads something in a worker, so that a large file does not delay requests. It posts its request
 * to the worker, which is started on demand, and resolves with the first message that comes back. It rejects if the worker
 * dies, if it takes too long (LoadTimeout), or when the signal aborts it. The next call gets a new worker.
 *
 * @param file of the worker, relative to this one
 * @param subject name of what is read, for messages
 * @param timeoutMs milliseconds that a call may take
 */
export function createWorkerReader<Request, Result>(
  file: string,
  workerData: unknown,
  subject: string,
  timeoutMs: number,
): (request: Request, signal?: AbortSignal) => Promise<Result> {
  let worker: Worker | undefined

  function start(): Worker {
    const started = new Worker(new URL(file, import.meta.url), { workerData })
    const onEnd = (): void => forget(started)
    started.once('exit', onEnd).on('error', onEnd)
    started.unref()
    return started
  }
  function forget(ended: Worker): void {
    if (worker === ended) worker = undefined
  }

  return (request, signal) => {
    const reader = (worker ??= start())
    const { promise, resolve, reject } = Promise.withResolvers<Result>()
    const fail = (why: unknown): void => {
      const { code, name = `exit code ${String(why)}` } = why as Partial<NodeJS.ErrnoException>
      reject(new Error(`the worker that reads ${subject} died: ${code ?? name}`, { cause: why }))
    }
    const end = (why: unknown): void => {
      forget(reader)
      void reader.terminate()
      reject(why)
    }
    const onAbort = (): void => end(signal?.reason)
    const timer = setTimeout(() => end(new LoadTimeout(subject, timeoutMs)), timeoutMs)
    signal?.addEventListener('abort', onAbort, { once: true })
    reader.ref()
    reader.once('message', resolve).once('error', fail).once('exit', fail)
    reader.postMessage(request)
    return promise.finally(() => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      reader.off('message', resolve).off('error', fail).off('exit', fail)
      reader.unref()
    })
  }
}
