import { resolve } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { formatText } from '../config/report/format.ts'
import { createLogOutput, type LogSink } from '../observe/log-output.ts'
import { createLog } from '../observe/log.ts'
import { ListenError } from '../runtime/addresses.ts'
import { ConfigRefused } from '../runtime/apply.ts'
import { startGateway, type Gateway } from '../runtime/gateway.ts'
import { LoadTimeout } from '../runtime/loader/load-timeout.ts'
import { createLoader } from '../runtime/loader/loader.ts'
import { exitCodeOf } from './cli/exit-code.ts'
import { configFrom, parseCommandLine } from './cli/arguments.ts'
import { configOption } from './cli/common-options.ts'
import type { Io } from './cli/io.ts'
import { stopSignal } from './cli/signals.ts'

const options = {
  config: configOption,
  watch: { type: 'boolean', default: true, help: 'Reload on SIGHUP only, not when a file changes' },
} as const

export const help = {
  name: 'run',
  args: '[FILE]',
  maxPositionals: 1,
  paragraphs: [
    'Serves, and applies changes to the configuration as they are saved. The log on stderr begins with the URL of each proxy.',
    'SIGHUP reloads the configuration. On SIGTERM and SIGINT, the gateway reports that it is not ready, serves for `listen.grace` more, lets open requests finish, and stops. A second signal, more than a second after the first, stops it at once.',
  ],
  options,
  exitCodes: [
    ['0', 'The gateway was stopped by a signal'],
    ['1', 'The configuration has errors'],
    ['2', 'Invalid usage, a configuration that cannot be read, or an address that is not available'],
    ['130, 143', 'A second SIGINT or SIGTERM stopped the gateway at once'],
  ],
} as const

/** Serves until a signal stops it. Returns the exit code. */
export async function run(args: string[], io: Io): Promise<number> {
  const parsed = await parseCommandLine(args, help, io)
  if (!parsed.ok) return parsed.exitCode
  const file = configFrom(parsed, help, io)
  if (typeof file === 'number') return file
  // A signal that arrives while the gateway starts must not be lost: as PID 1, it would have no effect.
  let reload = (): void => {}
  const stopped = stopSignal(() => reload())
  const gateway = await start(file, parsed.values.watch, io)
  if (typeof gateway === 'number') return gateway
  reload = () => void gateway.reload()
  await stopped
  await gateway.close()
  return 0
}

/** Time to write the last lines of the log, in milliseconds. */
const finishTimeoutMs = 1000

/** Starts a gateway. When that fails, reports the reason on stderr and returns the exit code. */
export async function start(config: string, watch: boolean, io: Io): Promise<Gateway | number> {
  // V8 allocates objects in the old space when many from the same place survived a collection. The objects of calls do
  // not live long: they filled the old space, and collections cost ten times as much.
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
        // A pipe that nobody reads would keep the process alive.
        if (!(await output.finish(finishTimeoutMs))) setImmediate(() => process.exit())
      },
    }
  } catch (error) {
    if (error instanceof ConfigRefused) {
      io.stderr(formatText(error.result, { color: io.color, cwd: io.cwd }))
      return exitCodeOf(error.result)
    }
    if (error instanceof LoadTimeout) {
      io.stderr(`gatehouse: ${error.message}\n`)
      return 1
    }
    if (!(error instanceof ListenError)) throw error
    io.stderr(`gatehouse: cannot listen: ${error.message}\n`)
    return 2
  }
}

function sinkOf({ stderr }: Pick<Io, 'stderr'>): LogSink {
  return (bytes, done) => {
    stderr(bytes.toString())
    done(null)
  }
}
