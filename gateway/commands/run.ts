import { resolve } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { formatText } from '../config/report/format.ts'
import { createLogOutput, type LogSink } from '../observe/log-output.ts'
import { createLog } from '../observe/log.ts'
import { ConfigRefused } from '../runtime/apply.ts'
import { startGateway, type Gateway } from '../runtime/gateway.ts'
import { LoadTimeout } from '../runtime/loader/load-timeout.ts'
import { createLoader } from '../runtime/loader/loader.ts'
import { exitCodeOf } from './cli/exit-code.ts'
import { parseCommandLine, type Io } from './cli/io.ts'
import { stopSignal } from './cli/signals.ts'

const usage = `gatehouse run [-c gateway.yaml] [--no-watch]

Serves, and applies changes of the configuration as they are saved.
SIGHUP reads it again, SIGTERM and SIGINT drain and stop; a second one, more than a
second later, stops at once.

  -c, --config FILE      the configuration (default: gateway.yaml)
  --no-watch             apply changes after SIGHUP only
`

const options = {
  config: { type: 'string', short: 'c', default: 'gateway.yaml' },
  watch: { type: 'boolean', default: true },
} as const

/**
 * Serves until it is told to stop.
 *
 * @returns 0 after a stop, 1 where the configuration has errors, 2 where it cannot be read or an address cannot be taken
 */
export async function run(args: string[], io: Io): Promise<number> {
  const parsed = parseCommandLine(args, options, usage, io)
  if (!parsed.ok) return parsed.exitCode
  const gateway = await start(parsed.values.config, parsed.values.watch, io)
  if (typeof gateway === 'number') return gateway
  await stopSignal(() => void gateway.reload())
  await gateway.close()
  return 0
}

/** Milliseconds that the last lines of the log may take to be written. */
const finishTime = 1000

/** Starts a gateway on a file, or says on stderr why it cannot and returns the exit code. */
export async function start(config: string, watch: boolean, io: Io): Promise<Gateway | number> {
  // V8 takes it that what is made where much survived a collection will live long, and is wrong about calls: their
  // objects filled the old space, and collections cost ten times as much.
  setFlagsFromString('--no-allocation-site-pretenuring')
  const output = createLogOutput(io.logSink ?? sinkOf(io))
  process.on('SIGUSR1', () => createLog(output.write).warn('signal_ignored', { signal: 'SIGUSR1' }))
  const { load, loadRevocations } = createLoader(resolve(io.cwd, config), io.env)
  try {
    const { write, droppedLines } = output
    const gateway = await startGateway({ load, loadRevocations, write, droppedLines, watch })
    return {
      ...gateway,
      async close() {
        await gateway.close()
        // A pipe that nobody reads would keep the process from ending.
        if (!(await output.finish(finishTime))) setImmediate(() => process.exit())
      },
    }
  } catch (error) {
    if (error instanceof ConfigRefused) {
      io.stderr(formatText(error.result, { colour: io.colour, cwd: io.cwd }))
      return exitCodeOf(error.result)
    }
    if (error instanceof LoadTimeout) {
      io.stderr(`gatehouse: ${error.message}\n`)
      return 1
    }
    const { code, syscall } = error as NodeJS.ErrnoException
    if (syscall !== 'listen' && syscall !== 'getaddrinfo') throw error
    io.stderr(`gatehouse: cannot listen: ${(error as Error).message} (${code})\n`)
    return 2
  }
}

function sinkOf({ stderr }: Pick<Io, 'stderr'>): LogSink {
  return (bytes, done) => {
    stderr(bytes.toString())
    done(null)
  }
}
