import { Worker } from 'node:worker_threads'
import type { ReadResult } from '../config/checked.ts'
import { LoadTimeout, loadTimeoutMs } from './load-timeout.ts'

/** Reads the configuration in a thread of its own, so that a large one keeps no request waiting. */
export interface Loader {
  /** Reads and checks it as it stands now. Rejects where the thread dies over it, takes too long (LoadTimeout) or
   * the signal gives it up; the next call has another. */
  load(this: void, signal?: AbortSignal): Promise<ReadResult>
}

/** What the thread is started with. */
export interface LoaderData {
  readonly path: string
  readonly env: Readonly<Record<string, string | undefined>>
}

/**
 * Starts the thread.
 *
 * @param path of the main file, absolute
 * @param env what `${NAME}` and `{env: NAME}` stand for
 * @param limit milliseconds that a load may take
 */
export function createLoader(path: string, env: LoaderData['env'], limit: number = loadTimeoutMs): Loader {
  const workerData: LoaderData = { path, env: { ...env } }
  let thread: Worker | undefined = start()

  function start(): Worker {
    const started = new Worker(new URL('./loader-thread.ts', import.meta.url), { workerData })
    const forgetIt = (): void => forget(started)
    started.once('exit', forgetIt).on('error', forgetIt)
    started.unref()
    return started
  }
  function forget(ended: Worker): void {
    if (thread === ended) thread = undefined
  }

  return {
    load(signal) {
      const reader = (thread ??= start())
      const { promise, resolve, reject } = Promise.withResolvers<ReadResult>()
      const fail = (why: unknown): void => {
        const { code, name = `exit code ${String(why)}` } = why as Partial<NodeJS.ErrnoException>
        const message = `the thread that reads the configuration died: ${code ?? name}`
        reject(new Error(message, { cause: why }))
      }
      const end = (why: unknown): void => {
        forget(reader)
        void reader.terminate()
        reject(why)
      }
      const giveUp = (): void => end(signal?.reason)
      const timer = setTimeout(() => end(new LoadTimeout(limit)), limit)
      signal?.addEventListener('abort', giveUp, { once: true })
      reader.ref()
      reader.once('message', resolve).once('error', fail).once('exit', fail)
      reader.postMessage('load')
      return promise.finally(() => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', giveUp)
        reader.off('message', resolve).off('error', fail).off('exit', fail)
        reader.unref()
      })
    },
  }
}
