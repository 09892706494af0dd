import { readFileSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { callOf } from './calls.ts'
import { gatewayCommand, writeGateway } from './gateway.ts'
import { pace } from './paced.ts'
import { freePort, isReady, start } from './processes.ts'
import { plain } from './rows.ts'
import { spread, type Spread } from './statistics.ts'
import type { Surroundings, Targets } from './targets.ts'

/** Effect of a reload on other calls, in milliseconds. */
export interface ReloadCost {
  readonly keys: number
  /** Time from writing the new file until the new revision is in force. */
  readonly applied: Spread
  /** The slowest call of a run with a reload: about as long as the event loop was blocked. */
  readonly slowest: Spread
  /** The slowest call of a run without a reload. */
  readonly slowestWithout: Spread
}

const keys = 10_000
const rate = 1000
const seconds = 4
const reloadAfterMs = 1500
const timeoutMs = 10_000

/**
 * Calls a gateway 1,000 times per second while its configuration is replaced by one with 10,000 other secrets.
 *
 * @throws Error when a call fails, or the new revision is not applied
 */
export async function measureReload(
  rounds: number,
  targets: Targets,
  { folder, cores, credentials }: Surroundings,
): Promise<ReloadCost> {
  const upstream = (await targets.start('upstream')).port
  const ports = { port: await freePort(), admin: await freePort(), upstream }
  const place = join(folder, 'reload')
  const log = join(folder, 'reload.log')
  const write = (generation: number): string =>
    writeGateway(place, { ...plain, keys }, credentials, ports, generation)
  const gateway = await start(gatewayCommand(write(0)), {
    cores: cores.measured(1),
    log,
    ready: isReady(ports.admin),
  })
  const job = { call: callOf('get_small', credentials.reader), rate, seconds }
  const run = () => pace(`http://127.0.0.1:${ports.port}/mcp/mcp`, job, { cores: cores.load, folder })
  const samples = { applied: [] as number[], slowest: [] as number[], slowestWithout: [] as number[] }
  await run()
  for (let round = 1; round <= rounds; round++) {
    samples.slowestWithout.push((await run()).slowest)
    truncateSync(log, 0)
    const running = run()
    await delay(reloadAfterMs)
    const written = Date.now()
    write(round)
    samples.slowest.push((await running).slowest)
    samples.applied.push((await appliedAt(log)) - written)
  }
  await gateway.stop()
  return {
    keys,
    applied: spread(samples.applied),
    slowest: spread(samples.slowest),
    slowestWithout: spread(samples.slowestWithout),
  }
}

async function appliedAt(log: string): Promise<number> {
  for (const end = Date.now() + timeoutMs; Date.now() < end; await delay(20)) {
    const line = /^.*"event":"config_applied".*$/m.exec(readFileSync(log, 'utf8'))
    if (line !== null) return Date.parse((JSON.parse(line[0]) as { time: string }).time)
  }
  throw new Error(
    `the gateway did not apply its new configuration:\n${readFileSync(log, 'utf8').slice(-2000)}`,
  )
}
