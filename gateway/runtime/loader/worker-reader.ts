import { Worker } from 'node:worker_threads'
import { LoadTimeout } from './load-timeout.ts'

/**
 * Returns a function that has a thread read something, so that a large file keeps no request waiting. The function posts
 * its request to the thread, which is started at the first call, and resolves with the first message that comes back. It
 * rejects where the thread dies over it, where it takes too long (LoadTimeout) and where the signal gives it up; the next
 * call has another thread.
 *
 * @param file of the thread, beside this one
 * @param workerData what the thread is started with
 * @param subject what is read, for messages
 * @param limit milliseconds that a call may take
 */
export function createThreadReader<Request, Result>(
  file: string,
  workerData: unknown,
  subject: string,
  limit: number,
): (request: Request, signal?: AbortSignal) => Promise<Result> {
  let thread: Worker | undefined

  function start(): Worker {
    const started = new Worker(new URL(file, import.meta.url), { workerData })
    const forgetIt = (): void => forget(started)
    started.once('exit', forgetIt).on('error', forgetIt)
    started.unref()
    return started
  }
  function forget(ended: Worker): void {
    if (thread === ended) thread = undefined
  }

  return (request, signal) => {
    const reader = (thread ??= start())
    const { promise, resolve, reject } = Promise.withResolvers<Result>()
    const fail = (why: unknown): void => {
      const { code, name = `exit code ${String(why)}` } = why as Partial<NodeJS.ErrnoException>
      reject(new Error(`the thread that reads ${subject} died: ${code ?? name}`, { cause: why }))
    }
    const end = (why: unknown): void => {
      forget(reader)
      void reader.terminate()
      reject(why)
    }
    const giveUp = (): void => end(signal?.reason)
    const timer = setTimeout(() => end(new LoadTimeout(subject, limit)), limit)
    signal?.addEventListener('abort', giveUp, { once: true })
    reader.ref()
    reader.once('message', resolve).once('error', fail).once('exit', fail)
    reader.postMessage(request)
    return promise.finally(() => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', giveUp)
      reader.off('message', resolve).off('error', fail).off('exit', fail)
      reader.unref()
    })
  }
}
