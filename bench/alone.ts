import { createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

/** An abstract socket of Linux: it is nobody's file, and gone with its process. */
const name = '\0gatehouse-bench'

/** Waits until no other bench runs on this machine, because two would measure each other. */
export async function beAlone(tell: (text: string) => void): Promise<void> {
  for (let tries = 0; !(await take()); tries++) {
    if (tries === 0) tell('another bench runs on this machine; waiting for it\n')
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
