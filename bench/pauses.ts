import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { callOf, modernRequest } from './calls.ts'
import { gatewayCommand, writeGateway } from './gateway.ts'
import { pace } from './paced.ts'
import { freePort, isReady, start } from './processes.ts'
import { plain } from './rows.ts'
import { spread, type Spread } from './statistics.ts'
import type { Surroundings, Targets } from './targets.ts'
import { longList } from './upstream.ts'

/** Effect of the largest requests on other calls, in milliseconds. */
export interface PauseCost {
  /** The slowest call of a run with such requests: about as long as the event loop was blocked. */
  readonly slowest: Spread
  /** The slowest call of a run without them. */
  readonly slowestWithout: Spread
}

const rate = 1000
const seconds = 4
const intervalMs = 250

/**
 * Calls a gateway 1,000 times per second while another client sends, in turn, the requests that take longest to judge.
 *
 * @throws Error when a call fails
 */
export async function measurePauses(
  rounds: number,
  targets: Targets,
  { folder, cores, credentials }: Surroundings,
): Promise<PauseCost> {
  const upstream = (await targets.start('upstream')).port
  const ports = { port: await freePort(), admin: await freePort(), upstream }
  const log = join(folder, 'pauses.log')
  const gateway = await start(
    gatewayCommand(writeGateway(join(folder, 'pauses'), plain, credentials, ports)),
    {
      cores: cores.measured(1),
      log,
      ready: isReady(ports.admin),
    },
  )
  const url = `http://127.0.0.1:${ports.port}/mcp/mcp`
  const job = { call: callOf('get_small', credentials.reader), rate, seconds }
  const run = () => pace(url, job, { cores: cores.load, folder })
  const largest = slowestRequests(credentials.reader)
  const samples = { slowest: [] as number[], slowestWithout: [] as number[] }
  await run()
  for (let round = 0; round < rounds; round++) {
    samples.slowestWithout.push((await run()).slowest)
    const running = run().then(({ slowest }) => {
      samples.slowest.push(slowest)
      return true
    })
    for (let sent = 0; !(await Promise.race([running, delay(intervalMs, false)])); sent++) {
      const { headers, body } = largest[sent % largest.length]!
      const response = await fetch(url, { method: 'POST', headers, body })
      await response.text()
    }
  }
  await gateway.stop()
  return { slowest: spread(samples.slowest), slowestWithout: spread(samples.slowestWithout) }
}

/** Returns a list of 220,000 entries, a request with the most subscriptions, and a call with the longest name. */
function slowestRequests(secret: string): Pick<ReturnType<typeof callOf>, 'headers' | 'body'>[] {
  const uri = (index: number): string => `file:///${index}/${'%41b/../'.repeat(90)}`
  return [
    modernRequest(longList, {}, secret),
    modernRequest(
      'subscriptions/listen',
      { notifications: { resourceSubscriptions: Array.from({ length: 1000 }, (_, index) => uri(index)) } },
      secret,
    ),
    modernRequest('tools/call', { name: `get_${'a'.repeat(8000)}`, arguments: {} }, secret),
  ]
}
