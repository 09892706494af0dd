import { once } from 'node:events'
import { createServer, type AddressInfo, type Server } from 'node:net'
import type { Settings } from '../config/static-fields.ts'
import type { Log } from '../observe/log.ts'
import { endpointPath } from '../values/endpoint-path.ts'
import { parseAddress } from '../values/units.ts'
import type { WorkerCore } from './workers/worker-core.ts'

/** An address cannot be listened at. The message names its field. */
export class ListenError extends Error {
  override readonly name = 'ListenError'
  /** Code of the system, such as EADDRINUSE. */
  readonly code: string

  constructor(message: string, code: string, cause: unknown) {
    super(`${message} (${code})`, { cause })
    this.code = code
  }
}

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program uses this address; stop it, or choose another port',
  EADDRNOTAVAIL: 'this machine does not have this address',
  EACCES: 'this user may not use this port; choose one from 1024 on',
  ENOTFOUND: 'this host has no address',
}

/** Listens at the address of a field. Throws ListenError if the system refuses. */
async function naming<Result>(
  field: string,
  address: string,
  listen: (where: { host: string; port: number }) => Promise<Result>,
): Promise<Result> {
  try {
    return await listen(parseAddress(address))
  } catch (error) {
    const { code = '', syscall, message } = error as NodeJS.ErrnoException
    if (syscall !== 'listen' && syscall !== 'getaddrinfo') throw error
    throw new ListenError(`\`${field}\` is ${address}: ${reasons[code] ?? message}`, code, error)
  }
}

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
  const address = await naming('listen.address', listen.address, async ({ host, port }) => {
    const free = isShared ? await findFree(host, port) : port
    return core.listen({ host, port: free, reusePort: isShared })
  })
  return { url: urlOf(listen.tls === undefined ? 'http' : 'https', address), address }
}

/** Logs the URL of each proxy, as clients use it. */
export function logEndpoints(
  log: Log,
  url: string,
  { proxies, listen: { publicUrl = url } }: Settings,
): void {
  for (const [name, proxy] of Object.entries(proxies)) {
    log.info('endpoint', { proxy: name, url: publicUrl + endpointPath(name, proxy) })
  }
}

/** Starts to accept connections of operators. Returns the URL of the admin listener. */
export async function listenForOperators(admin: Server, { admin: { address } }: Settings): Promise<string> {
  await naming('admin.address', address, async where => {
    admin.listen(where)
    await once(admin, 'listening')
  })
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
