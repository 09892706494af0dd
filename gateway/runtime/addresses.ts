import { once } from 'node:events'
import { createServer, type AddressInfo, type Server } from 'node:net'
import type { Settings } from '../config/static-fields.ts'
import { parseAddress } from '../values/units.ts'
import type { WorkerCore } from './workers/worker-core.ts'

/**
 * Starts to accept connections of clients.
 *
 * @param isShared several workers listen at the address
 */
export async function listenForClients(
  core: WorkerCore,
  { listen }: Settings,
  isShared: boolean,
): Promise<{ url: string; address: AddressInfo }> {
  const { host, port } = parseAddress(listen.address)
  const free = isShared ? await findFree(host, port) : port
  const address = await core.listen({ host, port: free, reusePort: isShared })
  return { url: urlOf(listen.tls === undefined ? 'http' : 'https', address), address }
}

/** Starts to accept connections of operators. Returns the URL of the admin listener. */
export async function listenForOperators(admin: Server, { admin: { address } }: Settings): Promise<string> {
  const { host, port } = parseAddress(address)
  admin.listen({ host, port })
  await once(admin, 'listening')
  return urlOf('http', admin.address() as AddressInfo)
}

/**
 * Returns the port once it is certain that no other program listens on it: programs that share a port do not learn that
 * another one shares it, too.
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
