import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { availableParallelism } from 'node:os'
import type { Worker } from 'node:worker_threads'
import { settingsOf } from '../config/handover.ts'
import type { ReadPaths } from '../config/document/content-digest.ts'
import type { RevocationsResult } from '../config/revocations.ts'
import type { Settings } from '../config/static-fields.ts'
import { parseAddress } from '../values/units.ts'
import { createAdminListener } from '../observe/admin.ts'
import { createLog } from '../observe/log.ts'
import { createMetrics } from '../observe/metrics.ts'
import { createHostCheck } from './admin-hosts.ts'
import { ConfigRefused, createApplier, type LoadConfig } from './apply.ts'
import { watchPort, type PortWatch } from './process/port-watch.ts'
import { createRevocationsKeeper, type LoadRevocations } from './revocations.ts'
import { createWorkerCore, type WorkerCore } from './workers/worker-core.ts'
import type { RevocationsRequest } from './loader/loader.ts'
import { createWatcher } from './loader/watch.ts'
import { createWorkers } from './workers/workers.ts'

/** What a gateway is started with. */
export interface GatewayOptions {
  /** Reads and checks the configuration; called again for every reload. */
  readonly load: LoadConfig
  /** Reads and checks a revocations file; in this thread unless given. */
  readonly loadRevocations?: LoadRevocations
  /** Takes whole lines of the log. */
  write(this: void, text: string): void
  /** Number of lines of the log that could not be written so far; unless given, all were. */
  readonly droppedLines?: () => number
  /** Whether to apply changes as they are saved. */
  readonly watch: boolean
  /** Told of every thread that is started to serve. */
  readonly onWorker?: (thread: Worker) => void
  /** Milliseconds after which a thread that does not answer is ended; 30 s unless given. */
  readonly answerTimeoutMs?: number
}

/** A gateway that serves. */
export interface Gateway {
  /** Where it listens, as `http://host:port`, or https with TLS. */
  readonly url: string
  readonly adminUrl: string
  /** Reads the configuration again, as after SIGHUP. Never throws; the log and the status say what came of it. */
  reload(): Promise<void>
  /** Stops: refuses what is new, lets calls in flight end for `listen.drain`, then closes. */
  close(): Promise<void>
}

const pollInterval = 2000

/**
 * Starts a gateway.
 *
 * @throws ConfigRefused where the configuration has errors; the error of the listener where an address is taken
 */
export async function startGateway({
  load,
  loadRevocations = readHere,
  write,
  droppedLines = () => 0,
  watch,
  onWorker,
  answerTimeoutMs,
}: GatewayOptions): Promise<Gateway> {
  const log = createLog(write)
  const metrics = createMetrics()
  const first = await load()
  const { handover } = first
  if (handover === undefined) throw new ConfigRefused(first)
  const settings = settingsOf(handover)
  const count = threadsFor(settings)
  const sessionSecret = randomBytes(32)
  const core =
    count === 1
      ? createWorkerCore({ log, metrics, sessionSecret })
      : createWorkers(count, { sessionSecret, write, log, metrics, onWorker, answerTimeoutMs })
  let stopping = false
  let port: PortWatch | undefined
  let toldLines = 0
  try {
    const revocations = createRevocationsKeeper(loadRevocations, { core, log, metrics })
    const applier = await createApplier({ ...first, handover }, load, { core, log, metrics, revocations })
    const admin = createAdminListener(
      {
        ready: async () => !stopping && port?.isShared() !== true && (await core.gauges()).workers > 0,
        async status() {
          const { openStreams, workers } = await core.gauges()
          return {
            ...applier.status(),
            revocations: revocations.status(),
            draining: stopping,
            openStreams,
            workers,
          }
        },
        async metrics() {
          const { openStreams, connections, requests, workers, keyAges } = await core.gauges()
          metrics.set('gatehouse_open_streams', openStreams)
          metrics.set('gatehouse_connections', connections)
          metrics.set('gatehouse_requests_in_flight', requests)
          metrics.set('gatehouse_workers', workers)
          metrics.set('gatehouse_config_pending_seconds', applier.pendingSeconds())
          metrics.setEach('gatehouse_jwks_age_seconds', keyAges)
          const lines = droppedLines()
          metrics.add([['gatehouse_log_lines_dropped_total', '', lines - toldLines]])
          toldLines = lines
          return metrics.render()
        },
      },
      createHostCheck(settings.admin),
    )
    const { url, address } = await listenForClients(core, settings, count > 1)
    if (count > 1) port = watchPort(address, { log, metrics })
    const adminUrl = await listenForOperators(admin, settings)
    const watcher = watch
      ? createWatcher(
          () => {
            void revocations.apply()
            void applier.apply('change').then(() => watcher?.follow(watched()))
          },
          error => log.warn('watch_failed', { error: String(error) }),
          pollInterval,
        )
      : undefined
    const watched = (): ReadPaths => {
      const { files, directories } = applier.paths()
      return { files: [...files, ...[revocations.path() ?? []].flat()], directories }
    }
    await watcher?.follow(watched())
    log.info('listening', { url, adminUrl, revision: applier.revision(), workers: count })

    return {
      url,
      adminUrl,
      async reload() {
        await Promise.all([revocations.apply(), applier.apply('demand')])
      },
      async close() {
        stopping = true
        log.info('draining', { openStreams: (await core.gauges()).openStreams })
        await watcher?.close()
        port?.close()
        await core.drain()
        applier.stop()
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

/** Reads a revocations file in this worker. Loads what checks it on demand: whoever passes a loader never needs that here. */
async function readHere({ file, names }: RevocationsRequest): Promise<RevocationsResult> {
  const { readRevocations } = await import('../config/revocations.ts')
  return readRevocations(file, names, { now: new Date() })
}

/** How many threads serve. Elsewhere than on Linux, the system would give all connections to one of them. */
function threadsFor({ workers }: Settings): number {
  if (process.platform !== 'linux') return 1
  return workers === 'auto' ? availableParallelism() : workers
}

/** @param shared several threads listen */
async function listenForClients(
  core: WorkerCore,
  { listen }: Settings,
  shared: boolean,
): Promise<{ url: string; address: AddressInfo }> {
  const { host, port } = parseAddress(listen.address)
  const free = shared ? await findFree(host, port) : port
  const address = await core.listen({ host, port: free, reusePort: shared })
  return { url: urlOf(listen.tls === undefined ? 'http' : 'https', address), address }
}

async function listenForOperators(admin: Server, { admin: { address } }: Settings): Promise<string> {
  const { host, port } = parseAddress(address)
  admin.listen({ host, port })
  await once(admin, 'listening')
  return urlOf('http', admin.address() as AddressInfo)
}

/**
 * The port, once it is certain that nobody else listens there: those who share a port are not told when another
 * program shares it too.
 */
async function findFree(host: string, port: number): Promise<number> {
  const probe = createServer().listen({ host, port })
  await once(probe, 'listening')
  const address = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return address.port
}

function urlOf(scheme: string, { address, port }: AddressInfo): string {
  const reachable = { '0.0.0.0': '127.0.0.1', '::': '[::1]' }[address] ?? address
  return `${scheme}://${reachable.includes(':') && !reachable.startsWith('[') ? `[${reachable}]` : reachable}:${port}`
}
