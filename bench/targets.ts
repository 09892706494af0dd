import { join } from 'node:path'
import type { Credentials } from './credentials.ts'
import { gatewayCommand, writeGateway, type Size } from './gateway.ts'
import { nginxCommand, writeProxy } from './nginx.ts'
import type { Cores } from './pinning.ts'
import { freePort, isReady, listens, start, type Running } from './processes.ts'
import type { Target } from './rows.ts'
import { writeUpstream } from './upstream.ts'

/** A process that serves calls. */
export interface Started {
  /** Returns the MCP endpoint. A gateway has one for each proxy. */
  url(proxy?: string): string
  readonly port: number
  readonly running: Running
  /** File of its stdout and stderr. That of a gateway has one line per call. */
  readonly log: string
}

/** Starts the measured processes, each target once until `renew`. */
export interface Targets {
  start(target: Target): Promise<Started>
  /** Ends all except the upstream, so that `start` starts them again. */
  renew(): Promise<void>
}

/** Context of a run. */
export interface Surroundings {
  readonly folder: string
  readonly cores: Cores
  readonly credentials: Credentials
}

/**
 * Creates targets with one upstream, which starts with the first of them.
 *
 * @param flags Node flags for gateways
 */
export function createTargets(
  { folder, cores, credentials }: Surroundings,
  flags: readonly string[] = [],
): Targets {
  const started = new Map<string, Promise<Started>>()

  async function launch(name: string, target: Target): Promise<Started> {
    const port = await freePort()
    const place = join(folder, name)
    const log = `${place}.log`
    const origin = `http://127.0.0.1:${port}`
    const ready = listens(port)
    const done = (running: Running): Started => ({ url: () => `${origin}/mcp`, port, running, log })
    if (target === 'upstream') {
      return done(await start(nginxCommand(writeUpstream(place, port)), { cores: cores.load, log, ready }))
    }
    const upstream = (await begin('upstream')).port
    if (target === 'nginx') {
      const conf = writeProxy(place, port, upstream)
      return done(await start(nginxCommand(conf), { cores: cores.measured(1), log, ready }))
    }
    if (target === 'relay') {
      return done(await start(relayCommand(port, upstream), { cores: cores.measured(1), log, ready }))
    }
    const admin = await freePort()
    const config = writeGateway(place, target, credentials, { port, admin, upstream })
    const running = await start(gatewayCommand(config, flags, target.checkout), {
      cores: cores.measured(target.workers),
      log,
      ready: isReady(admin),
    })
    return { ...done(running), url: (proxy = 'mcp') => `${origin}/${proxy}/mcp` }
  }

  function begin(target: Target): Promise<Started> {
    const name = typeof target === 'string' ? target : nameOf(target)
    const running = started.get(name) ?? launch(name, target)
    started.set(name, running)
    return running
  }

  return {
    start: begin,
    async renew() {
      for (const [name, target] of started) {
        if (name === 'upstream') continue
        started.delete(name)
        await (await target).running.stop()
      }
    },
  }
}

function nameOf({ checkout, ...size }: Size): string {
  return ['gateway', ...Object.values(size), ...(checkout === undefined ? [] : ['before'])].join('-')
}

/** Returns the command that starts the bare relay. */
export function relayCommand(port: number, upstream: number): string[] {
  return [process.execPath, join(import.meta.dirname, 'relay.ts'), String(port), String(upstream)]
}
