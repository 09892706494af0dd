import { randomBytes } from 'node:crypto'
import { availableParallelism } from 'node:os'
import type { Worker } from 'node:worker_threads'
import { settingsOf } from '../config/handover.ts'
import type { RevocationsResult } from '../config/revocations.ts'
import type { Settings } from '../config/static-fields.ts'
import { createAdminListener } from '../observe/admin.ts'
import { createLog, type Log } from '../observe/log.ts'
import { createMetrics } from '../observe/metrics.ts'
import { listenForClients, listenForOperators, logEndpoints } from './addresses.ts'
import { createHostCheck } from './admin-hosts.ts'
import { createAdminSource } from './admin-source.ts'
import { ConfigRefused, createApplier, type Applier } from './apply.ts'
import { createGrace } from './grace.ts'
import type { RevocationsRequest } from './loader/loader.ts'
import type { LoadConfig } from './loads.ts'
import { createWatcher, type Watcher } from './loader/watch.ts'
import { watchPort, type PortWatch } from './process/port-watch.ts'
import { createRevocationsKeeper, type LoadRevocations, type RevocationsKeeper } from './revocations.ts'
import { createWorkerCore } from './workers/worker-core.ts'
import { createWorkers } from './workers/workers.ts'

/** Options of a gateway. */
export interface GatewayOptions {
  /** Reads and checks the configuration; called again for every reload. */
  readonly load: LoadConfig
  /** Reads and checks a revocations file; by default in this thread. */
  readonly loadRevocations?: LoadRevocations
  /** Takes whole lines of the log. */
  write(this: void, text: string): void
  /** Returns the number of log lines that could not be written so far; by default 0. */
  readonly droppedLines?: () => number
  /** Apply changes as they are saved. */
  readonly watch: boolean
  /** Called with every worker that is started to serve. */
  readonly onWorker?: (worker: Worker) => void
  /** Milliseconds after which a worker that does not answer is ended; by default 30 000. */
  readonly answerTimeoutMs?: number
}

/** A gateway that serves. */
export interface Gateway {
  /** URL for clients: `http://host:port`, or https with TLS. */
  readonly url: string
  readonly adminUrl: string
  /** Reads the configuration again, as after SIGHUP. Never throws; the log and the status report the outcome. */
  reload(): Promise<void>
  /**
   * Stops: reports that it is not ready, and serves on for `listen.grace`. Then refuses new requests, lets those in flight
   * end for up to `listen.drain`, and closes.
   */
  close(): Promise<void>
}

const pollIntervalMs = 2000

/**
 * Starts a gateway.
 *
 * @throws ConfigRefused if the configuration has errors; ListenError if an address is taken
 */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const {
    load,
    loadRevocations = readHere,
    write,
    droppedLines = () => 0,
    onWorker,
    answerTimeoutMs,
  } = options
  const log = createLog(write)
  const metrics = createMetrics()
  const grace = createGrace(log)
  const first = await load()
  const { handover } = first
  if (handover === undefined) throw new ConfigRefused(first)
  const settings = settingsOf(handover)
  const count = workerCount(settings)
  const sessionSecret = randomBytes(32)
  const core =
    count === 1
      ? createWorkerCore({ log, metrics, sessionSecret })
      : createWorkers(count, { sessionSecret, write, log, metrics, onWorker, answerTimeoutMs })
  let port: PortWatch | undefined
  try {
    const revocations = createRevocationsKeeper(loadRevocations, { core, log, metrics })
    const applier = await createApplier({ ...first, handover }, load, { core, log, metrics, revocations })
    const isPortShared = (): boolean => port?.isShared() === true
    const parts = { core, metrics, applier, revocations, ...grace, isPortShared, droppedLines }
    const admin = createAdminListener(createAdminSource(parts), createHostCheck(settings.admin))
    const { url, address } = await listenForClients(core, settings, count > 1)
    if (count > 1) port = watchPort(address, { log, metrics })
    const adminUrl = await listenForOperators(admin, settings)
    const watcher = options.watch ? await watchFiles(applier, revocations, log) : undefined
    log.info('listening', { url, adminUrl, revision: applier.revision(), workers: count })
    logEndpoints(log, url, settings)

    return {
      url,
      adminUrl,
      reload: async () => void (await Promise.all([revocations.apply(), applier.apply('demand')])),
      async close() {
        await grace.pass(applier.settings())
        log.info('draining', { openStreams: (await core.gauges()).openStreams })
        await watcher?.close()
        port?.close()
        await core.drain()
        applier.stop()
        revocations.stop()
        admin.closeAllConnections()
        admin.close()
        log.info('stopped')
        log.flush()
      },
    }
  } catch (error) {
    port?.close()
    await core.drain().catch(() => {})
    throw error
  }
}

/** Applies the files of the configuration, and the revocations file, whenever they change. */
async function watchFiles(applier: Applier, revocations: RevocationsKeeper, log: Log): Promise<Watcher> {
  const follow = (): Promise<void> => {
    const { files, directories } = applier.paths()
    return watcher.follow({ files: [...files, ...[revocations.path() ?? []].flat()], directories })
  }
  const onChange = (): void => {
    void revocations.apply()
    void applier.apply('change').then(follow)
  }
  const onFault = (error: unknown): void => log.warn('watch_failed', { error: String(error) })
  const watcher = createWatcher(onChange, onFault, pollIntervalMs)
  await follow()
  return watcher
}

/** Reads a revocations file in this thread. What checks it is loaded on demand: with a loader it is never needed here. */
async function readHere({ file, names }: RevocationsRequest): Promise<RevocationsResult> {
  const { readRevocations } = await import('../config/revocations.ts')
  return readRevocations(file, names, { now: new Date() })
}

/** Returns the number of workers. Outside Linux it is 1, because the system would give all connections to one of them. */
function workerCount({ workers }: Settings): number {
  if (process.platform !== 'linux') return 1
  return workers === 'auto' ? availableParallelism() : workers
}
