import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { Server as TlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Dispatcher } from 'undici'
import type { Config } from '../../schema/config.ts'
import { parseAddress, parseDuration } from '../config/units.ts'
import { createListener, setTimeouts, type ListenerTimeouts } from '../http/server.ts'
import { createStreams } from '../http/streams.ts'
import { Refusal } from '../mcp/errors.ts'
import { createAdminListener } from '../observe/admin.ts'
import type { Log } from '../observe/log.ts'
import { createMetrics } from '../observe/metrics.ts'
import { createApplier, type LoadConfig } from './apply.ts'
import type { IssuerKeys } from './jwks.ts'
import { agesOf, fetchKeysWith } from './key-sources.ts'
import { createShared } from './shared.ts'
import type { KeptTokens } from './tokens.ts'
import { createWatcher } from './watch.ts'

/** What a gateway is started with. */
export interface GatewayOptions {
  /** Reads and checks the configuration; called again for every reload. */
  readonly load: LoadConfig
  readonly log: Log
  /** Whether to apply changes as they are saved. */
  readonly watch: boolean
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
export async function startGateway({ load, log, watch }: GatewayOptions): Promise<Gateway> {
  const metrics = createMetrics()
  const pools = createShared<Dispatcher>(pool => void pool.close().catch(() => {}))
  const issuerKeys = createShared<IssuerKeys>(keys => keys.close())
  const tokens = createShared<KeptTokens>(kept => kept.close())
  const streams = createStreams(() => applier.current())
  const onSwap = (): void => {
    setTimeouts(listener, timeouts(config()))
    const { tls } = applier.current()
    if (tls !== undefined) (listener as TlsServer).setSecureContext(tls)
    streams.review()
  }
  const applier = createApplier(
    load,
    {
      pools,
      tokens,
      issuerKeys,
      fetchKeys: fetchKeysWith(log, metrics),
      log,
      sessionSecret: randomBytes(32),
    },
    { log, metrics, onSwap },
  )
  const { config } = applier

  let stopping = false
  const { tls } = applier.current()
  const listener = createListener(
    { current: applier.current, draining: () => stopping, streams, log, metrics },
    tls && { context: tls, handshakeTimeout: timeouts(config()).request },
  )
  setTimeouts(listener, timeouts(config()))
  const admin = createAdminListener({
    ready: () => !stopping,
    status: () => ({ ...applier.status(), draining: stopping, openStreams: streams.size() }),
    metrics() {
      metrics.set('gatehouse_open_streams', streams.size())
      metrics.setEach('gatehouse_jwks_age_seconds', agesOf(issuerKeys.values()))
      return metrics.render()
    },
  })
  const closeConnections = trackConnections(listener)
  const url = await listen(listener, config().listen, tls === undefined ? 'http' : 'https')
  const adminUrl = await listen(admin, config().admin, 'http').catch((error: unknown) => {
    listener.close()
    throw error
  })
  const watcher = watch
    ? createWatcher(
        () => void applier.apply('change').then(() => watcher?.follow(applier.paths())),
        error => log.warn('watch_failed', { error: String(error) }),
        pollInterval,
      )
    : undefined
  await watcher?.follow(applier.paths())
  log.info('listening', { url, adminUrl, revision: applier.current().revision })

  return {
    url,
    adminUrl,
    reload: () => applier.apply('demand'),
    async close() {
      stopping = true
      log.info('draining', { openStreams: streams.size() })
      await watcher?.close()
      await drain(listener, closeConnections, parseDuration(config().listen.drain), which =>
        streams.endAll(new Refusal('draining', 'the gateway is stopping'), which),
      )
      admin.closeAllConnections()
      admin.close()
      applier.retire()
      log.info('stopped')
      log.flush()
    },
  }
}

function timeouts({ listen: { timeout } }: Config): ListenerTimeouts {
  return { request: parseDuration(timeout.request), keepAlive: parseDuration(timeout.keepAlive) }
}

async function listen(server: Server, { address }: Config['admin'], scheme: string): Promise<string> {
  const { host, port } = parseAddress(address)
  server.listen({ host, port })
  await once(server, 'listening')
  const bound = server.address() as AddressInfo
  const reachable = { '0.0.0.0': '127.0.0.1', '::': '[::1]' }[bound.address] ?? bound.address
  return `${scheme}://${reachable.includes(':') && !reachable.startsWith('[') ? `[${reachable}]` : reachable}:${bound.port}`
}

/** Follows the connections of a listener, also those whose TLS handshake is not done; returns how to cut them all. */
function trackConnections(listener: Server): () => void {
  const open = new Set<Socket>()
  listener.on('connection', (socket: Socket) => {
    open.add(socket)
    socket.once('close', () => open.delete(socket))
  })
  return () => {
    for (const socket of open) socket.destroy()
  }
}

/** Closes a listener when its calls are done, or the time is up. */
async function drain(
  listener: Server,
  closeConnections: () => void,
  time: number,
  end: (which: 'listening' | 'all') => void,
): Promise<void> {
  const closed = once(listener, 'close')
  listener.close()
  end('listening')
  const timer = setTimeout(() => {
    end('all')
    setImmediate(closeConnections)
  }, time)
  await closed
  clearTimeout(timer)
}
