import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

/** A process that was started here. */
export interface Running {
  readonly pid: number
  /** Ends it gently, after five seconds for good; resolves when it is gone. */
  stop(): Promise<void>
}

const timeoutMs = 20_000
const lowestPort = 16_000
const ports = 16_000
const started = new Set<Running>()

/** Whether a program can be found. */
export function has(program: string): boolean {
  return spawnSync('which', [program]).status === 0
}

/**
 * A port of 127.0.0.1 that was free a moment ago. It is below those that Linux gives to whoever asks for any
 * (ip_local_port_range), so that no other program is given it before it is taken.
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
 * @param log the file that stdout and stderr are appended to
 * @throws Error with the end of that file where it ends or stays silent instead
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
    process.stderr.write(`bench: ${command.join(' ')} ended by itself with ${code ?? signal}:\n${end}\n`)
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

/** Ends everything that was started and still runs. */
export async function stopAll(): Promise<void> {
  await Promise.all([...started].map(running => running.stop()))
}

/** Runs a program on some cores to its end and returns what it printed; throws where it fails. */
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

/** Asks whether a port of 127.0.0.1 takes connections. */
export function listens(port: number): () => Promise<boolean> {
  return () => {
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    return promise.finally(() => socket.destroy())
  }
}

/** Asks whether a gateway says that it is ready. That its port takes connections says less: it tries the port first. */
export function isReady(admin: number): () => Promise<boolean> {
  return () =>
    fetch(`http://127.0.0.1:${admin}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    )
}

/** Asks whether a file holds a text. */
export function says(file: string, text: string): () => Promise<boolean> {
  return async () => readFileSync(file, 'utf8').includes(text)
}
