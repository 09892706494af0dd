import { once } from 'node:events'
import type { Server as TlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { createRevocations, noRevocations } from '../../auth/revocations.ts'
import type { SlowHash } from '../../auth/api-key/slow-hashes.ts'
import { createOpenTokens } from '../../auth/token/open-tokens.ts'
import { createArgon2Queue } from '../../auth/api-key/argon2-queue.ts'
import type { Handover } from '../../config/handover.ts'
import type { RevocationEntries } from '../../values/revocation-id.ts'
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
import { introspectWith, type KeptIntrospection } from '../../oauth/introspection-sources.ts'
import type { IssuerKeys } from '../../oauth/jwks.ts'
import { agesOf, fetchKeysWith } from '../../oauth/key-sources.ts'
import { createUsagePool } from '../../lib/usage-pool.ts'
import type { KeptTokens } from '../../oauth/tokens.ts'
import type { Connections } from '../build/upstream.ts'

/** Where to listen. */
export interface ListenAddress {
  readonly host: string
  /** 0 for any that is free. */
  readonly port: number
  /** Whether others listen there too, and the system deals connections out among them (SO_REUSEPORT). */
  readonly reusePort: boolean
}

/** What is measured when somebody asks. */
export interface Gauges {
  readonly openStreams: number
  /** Connections of clients. */
  readonly connections: number
  /** Requests that were admitted and are under way, streams of news included. */
  readonly requests: number
  /** Threads that serve. */
  readonly workers: number
  /** Seconds since the keys of issuers were fetched. */
  readonly keyAges: readonly (readonly [labels: { method: string }, seconds: number])[]
}

/** What serves clients: a thread, or several of them. A revision comes into force in two steps. */
export interface WorkerCore {
  /** Builds the snapshot of a revision. Rejects where that is not possible, and then nothing is left of it. */
  prepare(checked: Handover): Promise<void>
  /** Puts what was prepared into force, and ends the streams that lost their ground. */
  commit(): Promise<void>
  /** Lets go of what was prepared. */
  abandon(): Promise<void>
  /** Refuses what is revoked from now on, and ends the streams that stand on it; replaces what was revoked before. */
  revoke(entries: RevocationEntries): Promise<void>
  /** Takes connections; to be called once, when a revision is in force. Rejects where the address is taken. */
  listen(address: ListenAddress): Promise<AddressInfo>
  gauges(): Promise<Gauges>
  /** Refuses what is new, lets calls in flight end for `listen.drain`, then closes. */
  drain(): Promise<void>
}

/** What it serves with. */
export interface ServingDependencies {
  readonly log: Log
  readonly metrics: Counters
  /** Stands in where `sessions.secret` is absent; the same for all threads. */
  readonly sessionSecret: Buffer
  /** The tasks that principals were given, in every thread; those of this thread alone where it is absent. */
  readonly givenTasks?: GivenTasks
  /** Numbers of connections, one per thread, in memory that all of them share. */
  readonly connectionCounts?: Int32Array
  /** The index of this thread's. */
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
}: ServingDependencies): WorkerCore {
  const slots = createConnectionSlots(connectionCounts, slot)
  const pools = createUsagePool<Connections>(connections => connections.close())
  const issuerKeys = createUsagePool<IssuerKeys>(keys => keys.close())
  const tokens = createUsagePool<KeptTokens>(kept => kept.close())
  const introspections = createUsagePool<KeptIntrospection>(held => held.close())
  const slowHashes = createUsagePool<SlowHash>(() => {})
  const argon2Queue = createArgon2Queue()
  const openTokens = createOpenTokens()
  const usage = createUsageCounts()
  const fetchKeys = fetchKeysWith(log, metrics, () => streams.review())
  const introspect = introspectWith(log, metrics)
  const kept = { pools, tokens, issuerKeys, introspections, slowHashes, argon2Queue, openTokens }
  let snapshot: BuiltSnapshot | undefined
  let prepared: BuiltSnapshot | undefined
  let revocations = noRevocations
  let listener: Listener | undefined
  let stopping = false
  const current = (): BuiltSnapshot => snapshot!
  const streams = createStreams(current)

  return {
    async prepare(checked) {
      prepared?.retire()
      prepared = undefined
      prepared = await buildSnapshot(checked, {
        ...kept,
        fetchKeys,
        introspect,
        log,
        sessionSecret,
        givenTasks,
      })
    },
    async commit() {
      if (prepared === undefined) throw new Error('nothing is prepared')
      const old = snapshot
      snapshot = { ...prepared, revocations }
      prepared = undefined
      slots.setLimit(connectionLimit(snapshot.settings.listen.maxConnections, connectionCounts.length))
      if (listener !== undefined) {
        setTimeouts(listener.server, timeouts(snapshot.settings))
        if (snapshot.tls !== undefined) (listener.server as TlsServer).setSecureContext(snapshot.tls)
      }
      streams.review()
      old?.retire()
    },
    async abandon() {
      prepared?.retire()
      prepared = undefined
    },
    async revoke(entries) {
      revocations = createRevocations(entries)
      if (snapshot === undefined) return
      snapshot = { ...snapshot, revocations }
      streams.review()
    },
    async listen(address) {
      const { tls, settings } = current()
      const { request: handshakeTimeout } = timeouts(settings)
      const dependencies = { current, draining: () => stopping, streams, slots, usage, log, metrics }
      listener = createListener(dependencies, tls && { context: tls, handshakeTimeout })
      const { server } = listener
      setTimeouts(server, timeouts(settings))
      server.listen(address)
      await once(server, 'listening')
      return server.address() as AddressInfo
    },
    async gauges() {
      return {
        openStreams: streams.size(),
        connections: slots.own(),
        requests: usage.requests(),
        workers: 1,
        keyAges: agesOf(issuerKeys.values()),
      }
    },
    async drain() {
      stopping = true
      const end = (which: 'listening' | 'all'): void => streams.endAll(new Refusal('stopping'), which)
      if (listener !== undefined) {
        await drain(listener, parseWait(current().settings.listen.drain), end)
      }
      argon2Queue.close()
      snapshot?.retire()
      log.flush()
    },
  }
}

function timeouts({ listen: { timeout } }: Settings): ListenerTimeouts {
  return { request: parseWait(timeout.request), keepAlive: parseWait(timeout.keepAlive) }
}

/** Closes a listener when its calls are done, or the time is up. */
async function drain(
  { server, connections }: Listener,
  time: number,
  end: (which: 'listening' | 'all') => void,
): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  end('listening')
  const timer = setTimeout(() => {
    end('all')
    setImmediate(() => connections.closeAll())
  }, time)
  await closed
  clearTimeout(timer)
}
