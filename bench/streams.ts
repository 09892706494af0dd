import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { modernRequest, type Call } from './calls.ts'
import { gatewayCommand, writeGateway } from './gateway.ts'
import { openFilesLimit, residentMemory } from './proc.ts'
import { freePort, listens, says, start, type Running } from './processes.ts'
import { plain } from './rows.ts'
import { relayCommand, type Surroundings } from './targets.ts'

/** Memory of idle streams. */
export interface StreamCost {
  readonly open: number
  /** Resident memory per stream in bytes, in addition to that before the first stream. */
  readonly gateway: number
  readonly relay: number
}

/** Two sockets per stream. */
const filesPerStream = 2
const spareFiles = 200
const warmUp = 200
const settleMs = 3000

/** Returns the number of streams that the limit of open files (`ulimit -Hn`) allows, at most `wanted`. */
export function possibleStreams(wanted: number): number {
  return Math.min(wanted, Math.floor((openFilesLimit() - spareFiles) / filesPerStream / 100) * 100)
}

/**
 * Measures the memory of `subscriptions/listen` streams through a gateway, and through the bare relay, to an upstream that
 * stays silent. Each of them is a separate process.
 *
 * @param counts numbers of open streams, ascending
 * @throws Error when a stream ends
 */
export async function measureStreams(
  counts: readonly number[],
  surroundings: Surroundings,
): Promise<StreamCost[]> {
  const { folder, cores, credentials } = surroundings
  const ports = { port: await freePort(), admin: await freePort(), upstream: await freePort() }
  const relayPort = await freePort()
  const config = writeGateway(join(folder, 'streams'), plain, credentials, ports)
  const silent = [process.execPath, join(import.meta.dirname, 'silent-upstream.ts'), String(ports.upstream)]
  const upstream = await start(silent, {
    cores: cores.load,
    log: join(folder, 'silent.log'),
    ready: listens(ports.upstream),
  })
  const gateway = await grow(gatewayCommand(config), ports.port, '/mcp/mcp', counts, surroundings)
  const relay = await grow(relayCommand(relayPort, ports.upstream), relayPort, '/mcp', counts, surroundings)
  await upstream.stop()
  return counts.map((open, index) => ({ open, gateway: gateway[index]!, relay: relay[index]! }))
}

/** Opens more and more streams through a process. Returns bytes per stream for each count. */
async function grow(
  command: readonly string[],
  port: number,
  path: string,
  counts: readonly number[],
  { folder, cores, credentials }: Surroundings,
): Promise<number[]> {
  const listen: Call = {
    ...modernRequest(
      'subscriptions/listen',
      { notifications: { toolsListChanged: true } },
      credentials.reader,
    ),
    status: 200,
    answer: 'notifications/subscriptions/acknowledged',
  }
  const file = join(folder, 'listen.json')
  writeFileSync(file, JSON.stringify(listen))
  const hold = (count: number): Promise<Running> => {
    const log = join(folder, `holder-${port}-${count}.log`)
    const holder = join(import.meta.dirname, 'stream-holder.ts')
    const command = [process.execPath, holder, String(port), path, String(count), file]
    return start(command, { cores: cores.load, log, ready: says(log, 'open\n') })
  }
  const measured = await start(command, {
    cores: cores.measured(1),
    log: join(folder, `streams-${port}.log`),
    ready: listens(port),
  })
  await (await hold(warmUp)).stop()
  await delay(settleMs)
  const before = residentMemory(measured.pid)
  const holders: Running[] = []
  const found: number[] = []
  let open = 0
  for (const count of counts) {
    holders.push(await hold(count - open))
    open = count
    await delay(settleMs)
    found.push((residentMemory(measured.pid) - before) / open)
  }
  for (const holder of holders) await holder.stop()
  await measured.stop()
  return found
}
