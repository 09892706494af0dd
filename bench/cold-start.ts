import { join } from 'node:path'
import { gatewayCommand, writeGateway } from './gateway.ts'
import { freePort, isReady, listens, start } from './processes.ts'
import { plain } from './rows.ts'
import { spread, type Spread } from './statistics.ts'
import { relayCommand, type Surroundings } from './targets.ts'

/** Time from process start until ready, in milliseconds. */
export interface ColdStart {
  /** A gateway with ten keys, ready when /livez answers. */
  readonly gateway: Spread
  readonly manyKeys: Spread
  /** The bare relay, which is the time of Node and undici. It is ready when it listens. */
  readonly relay: Spread
}

/** Starts each of them several times, in turn. */
export async function measureColdStart(
  rounds: number,
  { folder, cores, credentials }: Surroundings,
): Promise<ColdStart> {
  async function time(command: readonly string[], ready: () => Promise<boolean>): Promise<number> {
    const begun = performance.now()
    const running = await start(command, { cores: cores.measured(1), log: join(folder, 'cold.log'), ready })
    const took = performance.now() - begun
    await running.stop()
    return took
  }
  async function timeGateway(keys: number): Promise<number> {
    const ports = { port: await freePort(), admin: await freePort(), upstream: 1 }
    const config = writeGateway(join(folder, 'cold'), { ...plain, keys }, credentials, ports)
    return time(gatewayCommand(config), isReady(ports.admin))
  }
  const samples = { gateway: [] as number[], manyKeys: [] as number[], relay: [] as number[] }
  for (let round = 0; round < rounds; round++) {
    const port = await freePort()
    samples.relay.push(await time(relayCommand(port, 1), listens(port)))
    samples.gateway.push(await timeGateway(plain.keys))
    samples.manyKeys.push(await timeGateway(10_000))
  }
  return {
    gateway: spread(samples.gateway),
    manyKeys: spread(samples.manyKeys),
    relay: spread(samples.relay),
  }
}
