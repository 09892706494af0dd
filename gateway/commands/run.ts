import { resolve } from 'node:path'
import { formatText } from '../config/format.ts'
import { load, type LoadResult } from '../config/load.ts'
import { createLog } from '../observe/log.ts'
import { ConfigRefused } from '../runtime/apply.ts'
import { startGateway, type Gateway } from '../runtime/gateway.ts'
import { parseCommandLine, type Io } from './io.ts'

export const usage = `gatehouse run [-c gateway.yaml] [--no-watch]

Serves, and applies changes of the configuration as they are saved.
SIGHUP reads it again, SIGTERM and SIGINT drain and stop.
`

/**
 * Serves until it is told to stop.
 *
 * @returns 0 after a stop, 1 where the configuration has errors, 2 where an address cannot be taken
 */
export async function run(args: string[], io: Io): Promise<number> {
  const parsed = parseCommandLine(
    args,
    {
      config: { type: 'string', short: 'c', default: 'gateway.yaml' },
      watch: { type: 'boolean', default: true },
    },
    usage,
    io,
  )
  if (!parsed.ok) return parsed.exitCode
  const gateway = await start(String(parsed.values.config), parsed.values.watch !== false, io)
  if (typeof gateway === 'number') return gateway
  await untilStopped(gateway)
  return 0
}

/** Starts a gateway on a file, or says on stderr why it cannot and returns the exit code. */
export async function start(config: string, watch: boolean, io: Io): Promise<Gateway | number> {
  const path = resolve(io.cwd, config)
  const log = createLog(io.stderr)
  const read = (): LoadResult => load(path, { env: io.env, now: new Date() })
  try {
    return await startGateway({ load: read, log, watch })
  } catch (error) {
    if (error instanceof ConfigRefused) {
      io.stderr(formatText(error.result, { colour: io.colour, cwd: io.cwd }))
      return 1
    }
    const { code, syscall } = error as NodeJS.ErrnoException
    if (syscall !== 'listen' && syscall !== 'getaddrinfo') throw error
    io.stderr(`gatehouse: cannot listen: ${(error as Error).message} (${code})\n`)
    return 2
  }
}

/** Resolves when a signal has stopped the gateway; a second one ends the process at once. */
export async function untilStopped(gateway: Gateway): Promise<void> {
  const reload = (): void => void gateway.reload()
  process.on('SIGHUP', reload)
  await new Promise<void>(resolveStop => {
    const stop = (signal: NodeJS.Signals): void => {
      if (stopping) process.exit(signal === 'SIGINT' ? 130 : 143)
      stopping = true
      void gateway.close().then(resolveStop)
    }
    let stopping = false
    process.on('SIGTERM', stop).on('SIGINT', stop)
  })
  process.off('SIGHUP', reload)
}
