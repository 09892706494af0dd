import { Worker } from 'node:worker_threads'
import type { ReadResult } from '../config/checked.ts'

/** Reads the configuration in a thread of its own, so that a large one keeps no request waiting. */
export interface Loader {
  /** Reads and checks it as it stands now. Rejects where the thread dies over it; the next call has another. */
  load(this: void): Promise<ReadResult>
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
 */
export function createLoader(path: string, env: LoaderData['env']): Loader {
  const workerData: LoaderData = { path, env: { ...env } }
  let thread: Worker | undefined = start()

  function start(): Worker {
    const started = new Worker(new URL('./loader-thread.ts', import.meta.url), { workerData })
    const forget = (): void => {
      if (thread === started) thread = undefined
    }
    started.once('exit', forget).on('error', forget)
    started.unref()
    return started
  }

  return {
    load() {
      const reader = (thread ??= start())
      const { promise, resolve, reject } = Promise.withResolvers<ReadResult>()
      const fail = (why: unknown): void => {
        const { code, name = `exit code ${String(why)}` } = why as Partial<NodeJS.ErrnoException>
        const message = `the thread that reads the configuration died: ${code ?? name}`
        reject(new Error(message, { cause: why }))
      }
      reader.ref()
      reader.once('message', resolve).once('error', fail).once('exit', fail)
      reader.postMessage('load')
      return promise.finally(() => {
        reader.off('message', resolve).off('error', fail).off('exit', fail)
        reader.unref()
      })
    },
  }
}
