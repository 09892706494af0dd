import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { modernRequest, type Call } from './calls.ts'
import { gatewayCommand, writeGateway } from './gateway.ts'
import { openFilesLimit, residentMemory } from './proc.ts'
import { freePort, listens, says, start, type Running } from './processes.ts'
import { plain } from './rows.ts'
import { relayCommand, type Surroundings } from './targets.ts'

/** What idle streams cost. */
export interface StreamCost {
  readonly open: number
  /** Bytes of resident memory per stream, over what there was before the first one. */
  readonly gateway: number
  readonly relay: number
}

/** Two sockets per stream, and some files of its own. */
const filesPerStream = 2
const spareFiles = 200
const warmUp = 200
const settling = 3000

/** How many of so many streams the limit of open files (`ulimit -Hn`) leaves room for. */
export function possibleStreams(wanted: number): number {
  return Math.min(wanted, Math.floor((openFilesLimit() - spareFiles) / filesPerStream / 100) * 100)
}

/**
 * Opens `subscriptions/listen` streams through a gateway, and through the bare relay, to an upstream that then says
 * nothing, and reads how much memory that took. All are processes of their own.
 *
 * @param counts how many are to be open, ascending
 * @throws Error where a stream ends
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

/** Opens more and more streams through a process; returns bytes per stream for each count. */
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
  await delay(settling)
  const before = residentMemory(measured.pid)
  const holders: Running[] = []
  const found: number[] = []
  let open = 0
  for (const count of counts) {
    holders.push(await hold(count - open))
    open = count
    await delay(settling)
    found.push((residentMemory(measured.pid) - before) / open)
  }
  for (const holder of holders) await holder.stop()
  await measured.stop()
  return found
}
