import { once } from 'node:events'
import type { Server as TlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Settings } from '../../config/static-fields.ts'
import { parseWait } from '../../values/units.ts'
import { createConnectionSlots } from '../../http/server/connection-slots.ts'
import {
  createListener,
  setTimeouts,
  type Listener,
  type ListenerTimeouts,
} from '../../http/server/listener.ts'
import { createStreams } from '../../http/exchange/streams.ts'
import { createUsageCounts } from '../../http/exchange/usage.ts'
import { Refusal } from '../../mcp/errors.ts'
import { createGivenTasks, type GivenTasks } from '../../mcp/handles/given-tasks.ts'
import type { Log } from '../../observe/log.ts'
import type { Counters } from '../../observe/metrics.ts'
import { buildSnapshot, type BuiltSnapshot } from '../build/build.ts'
import { connectionLimit } from '../process/descriptors.ts'
import { agesOf } from '../../oauth/key-sources.ts'
import { createResources } from './resources.ts'
import { createSnapshots, type Revisions } from './snapshots.ts'

/** An address to listen at. */
export interface ListenAddress {
  readonly host: string
  /** 0 for any free port. */
  readonly port: number
  /** Several workers listen at the address, and the system distributes connections among them (SO_REUSEPORT). */
  readonly reusePort: boolean
}

/** Measurements that are taken on demand. */
export interface Gauges {
  readonly openStreams: number
  /** Connections of clients. */
  readonly connections: number
  /** Admitted requests that are in flight, notification streams included. */
  readonly requests: number
  /** Workers that serve. */
  readonly workers: number
  /** Seconds since the signing keys of issuers were fetched. */
  readonly keyAges: readonly (readonly [labels: { method: string }, seconds: number])[]
}

/** Serves clients, with one worker or several. */
export interface WorkerCore extends Revisions {
  /** Starts to accept connections. Call it once, when a revision is in force. Rejects if the address is taken. */
  listen(address: ListenAddress): Promise<AddressInfo>
  gauges(): Promise<Gauges>
  /** Refuses new requests, lets those in flight end for up to `listen.drain`, then closes. */
  drain(): Promise<void>
}

/** Dependencies of a worker core. */
export interface WorkerCoreDependencies {
  readonly log: Log
  readonly metrics: Counters
  /** Replaces an absent `sessions.secret`; the same in all workers. */
  readonly sessionSecret: Buffer
  /** Tasks that principals were given, in all workers; by default those of this worker. */
  readonly givenTasks?: GivenTasks
  /** Connections of each worker, in shared memory. */
  readonly connectionCounts?: Int32Array
  /** Index of this worker in `connectionCounts`. */
  readonly slot?: number
}

/** Serves in this thread. */
export function createWorkerCore({
  log,
  metrics,
  sessionSecret,
  givenTasks = createGivenTasks(),
  connectionCounts = new Int32Array(1),
  slot = 0,
}: WorkerCoreDependencies): WorkerCore {
  let listener: Listener | undefined
  let stopping = false
  const slots = createConnectionSlots(connectionCounts, slot)
  const usage = createUsageCounts()
  const streams = createStreams(() => snapshots.current())
  const resources = createResources(log, metrics, streams.review)
  const snapshots = createSnapshots(
    handover => buildSnapshot(handover, { ...resources, log, sessionSecret, givenTasks }),
    snapshot => {
      slots.setLimit(connectionLimit(snapshot.settings.listen.maxConnections, connectionCounts.length))
      if (listener !== undefined) configure(listener, snapshot)
      streams.review()
    },
    streams.review,
  )
  const { current, prepare, commit, abandon, revoke } = snapshots
  const dependencies = { current, draining: () => stopping, streams, slots, usage, log, metrics }

  return {
    prepare,
    commit,
    abandon,
    revoke,
    async listen(address) {
      const { tls, settings } = current()
      const { request: handshakeTimeout } = timeouts(settings)
      listener = createListener(dependencies, tls && { context: tls, handshakeTimeout })
      return listenAt(listener, address, settings)
    },
    async gauges() {
      return {
        openStreams: streams.size(),
        connections: slots.own(),
        requests: usage.requests(),
        workers: 1,
        keyAges: agesOf(resources.issuerKeys.values()),
      }
    },
    async drain() {
      stopping = true
      const end = (which: 'listening' | 'all'): void => streams.endAll(new Refusal('stopping'), which)
      if (listener !== undefined) await drain(listener, parseWait(current().settings.listen.drain), end)
      resources.argon2Queue.close()
      snapshots.retire()
      log.flush()
    },
  }
}

function timeouts({ listen: { timeout } }: Settings): ListenerTimeouts {
  return { request: parseWait(timeout.request), keepAlive: parseWait(timeout.keepAlive) }
}

/** Applies the timeouts and the certificate of a snapshot to a listener. */
function configure({ server }: Listener, { settings, tls }: BuiltSnapshot): void {
  setTimeouts(server, timeouts(settings))
  if (tls !== undefined) (server as TlsServer).setSecureContext(tls)
}

async function listenAt(
  { server }: Listener,
  address: ListenAddress,
  settings: Settings,
): Promise<AddressInfo> {
  setTimeouts(server, timeouts(settings))
  server.listen(address)
  await once(server, 'listening')
  return server.address() as AddressInfo
}

/** Closes a listener when its requests have ended, or the time is up. */
async function drain(
  { server, connections }: Listener,
  timeoutMs: number,
  end: (which: 'listening' | 'all') => void,
): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  end('listening')
  const timer = setTimeout(() => {
    end('all')
    setImmediate(() => connections.closeAll())
  }, timeoutMs)
  await closed
  clearTimeout(timer)
}
