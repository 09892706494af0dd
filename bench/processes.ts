import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

/** A process that the bench started. */
export interface Running {
  readonly pid: number
  /** Ends it with SIGTERM, and with SIGKILL after five seconds. Resolves when it is gone. */
  stop(): Promise<void>
}

const timeoutMs = 20_000
const lowestPort = 16_000
const ports = 16_000
const started = new Set<Running>()

/** Returns whether a program is installed. */
export function has(program: string): boolean {
  return spawnSync('which', [program]).status === 0
}

/**
 * Returns a port of 127.0.0.1 that was free a moment ago. It is below the range from which Linux chooses ports
 * (ip_local_port_range), so that no other program gets it in the meantime.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = lowestPort + Math.floor(Math.random() * ports)
    const server = createServer()
    const { promise, resolve } = Promise.withResolvers<boolean>()
    server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true))
    const free = await promise
    server.close()
    if (free) return port
  }
}

/**
 * Starts a program on some cores and waits until it is ready.
 *
 * @param log file to which stdout and stderr are appended
 * @throws Error with the end of that file, when the program ends or is not ready in time
 */
export async function start(
  command: readonly string[],
  { cores, log, ready }: { cores: string; log: string; ready: () => Promise<boolean> },
): Promise<Running> {
  const output = openSync(log, 'a')
  const child = spawn('taskset', ['-c', cores, ...command], { stdio: ['ignore', output, output] })
  closeSync(output)
  const gone = once(child, 'exit')
  child.once('exit', (code, signal) => {
    if (!started.has(running)) return
    const end = readFileSync(log, 'utf8').slice(-2000)
    process.stderr.write(`bench: ${command.join(' ')} ended unexpectedly with ${code ?? signal}:\n${end}\n`)
  })
  const running: Running = {
    pid: child.pid!,
    async stop() {
      started.delete(running)
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), 5000)
      await gone
      clearTimeout(timer)
    },
  }
  started.add(running)
  const end = Date.now() + timeoutMs
  while (!(await ready())) {
    if (child.exitCode !== null || Date.now() > end) {
      throw new Error(`${command.join(' ')} is not ready:\n${readFileSync(log, 'utf8').slice(-2000)}`)
    }
    await delay(2)
  }
  return running
}

/** Ends every process that still runs. */
export async function stopAll(): Promise<void> {
  await Promise.all([...started].map(running => running.stop()))
}

/** Runs a program on some cores to its end. Returns its output. Throws when it fails. */
export async function runToEnd(command: readonly string[], cores: string): Promise<string> {
  const child = spawn('taskset', ['-c', cores, ...command], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  let errors = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}:\n${output}${errors}`)
  return output
}

/** Creates a check that a port of 127.0.0.1 accepts connections. */
export function listens(port: number): () => Promise<boolean> {
  return () => {
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    return promise.finally(() => socket.destroy())
  }
}

/**
 * Creates a check that a gateway serves. An open port is not enough, because the gateway tries the port first. The admin
 * listener is opened last. A request for /readyz would make the gateway wait before it stops.
 */
export function isReady(admin: number): () => Promise<boolean> {
  return () =>
    fetch(`http://127.0.0.1:${admin}/livez`).then(
      ({ ok }) => ok,
      () => false,
    )
}

/** Creates a check that a file contains a text. */
export function says(file: string, text: string): () => Promise<boolean> {
  return async () => readFileSync(file, 'utf8').includes(text)
}
