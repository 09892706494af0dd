import { createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

/** Abstract socket of Linux. It is not a file, and disappears with its process. */
const name = '\0gatehouse-bench'

/** Waits until no other bench runs on this machine, because two would disturb each other. */
export async function beAlone(report: (text: string) => void): Promise<void> {
  for (let tries = 0; !(await take()); tries++) {
    if (tries === 0) report('waiting for another bench on this machine\n')
    await delay(500)
  }
}

function take(): Promise<boolean> {
  const { promise, resolve, reject } = Promise.withResolvers<boolean>()
  const server = createServer()
  server.once('listening', () => resolve(true))
  server.once('error', (error: NodeJS.ErrnoException) =>
    error.code === 'EADDRINUSE' ? resolve(false) : reject(error),
  )
  server.listen(name).unref()
  return promise
}
