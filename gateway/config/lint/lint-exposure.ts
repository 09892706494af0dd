import { isIP } from 'node:net'
import { isLoopback } from '../../values/hosts.ts'
import type { WholeContext } from './whole-context.ts'
import { isOpaque } from '../document/locate.ts'
import { fromPointer } from '../document/pointer.ts'
import { parseAddress } from '../../values/units.ts'
import { reportAt, type RelatedPath } from '../checks/check-context.ts'

/** What the listeners lay open to other machines. */
export function lintListeners(context: WholeContext): void {
  const { admin, listen, proxies } = context.config
  const { tls, publicUrl } = listen
  const guarded = Object.values(proxies).some(({ auth }) => auth !== 'none')
  const clear = publicUrl?.startsWith('http://') === true && !isPrivate(hostOf(publicUrl))
  if (clear && guarded) {
    const message =
      'clients would send their credentials in clear; serve https with `listen.tls`, or write the https URL of what ends TLS in front'
    reportAt(context, 'GH2007', ['listen', 'publicUrl'], message)
  }
  if (guarded && tls === undefined && publicUrl === undefined && isReachable(context, '/listen/address')) {
    const message =
      'other machines send their credentials to this address in clear; serve https with `listen.tls`, or set `listen.publicUrl` to the https URL of what ends TLS in front'
    reportAt(context, 'GH2006', ['listen', 'address'], message)
  }
  if (isReachable(context, '/admin/address') && !isPrivate(parseAddress(admin.address).host)) {
    const message =
      '/status and /metrics ask for no credential, and other machines can reach them here; keep the port from everybody but the monitoring, or write 127.0.0.1'
    reportAt(context, 'GH2103', ['admin', 'address'], message)
  }
}

/** What proxies let in without a credential, and send out without TLS. */
export function lintProxies(context: WholeContext): void {
  const reachable = isReachable(context, '/listen/address')
  for (const [name, { auth, upstream }] of Object.entries(context.config.proxies)) {
    if (auth === 'none' && reachable) {
      const related: RelatedPath[] = [{ path: ['listen', 'address'], message: 'other machines come in here' }]
      const message = 'other machines can reach this proxy, and whoever does may use it; name an auth method'
      reportAt(context, 'GH2005', ['proxies', name, 'auth'], message, { related })
    }
    if (upstream.url.startsWith('http://') && !isPrivate(hostOf(upstream.url))) {
      const message =
        'calls, answers and the credentials of the gateway go there in clear, over a network that does not look private; write https://'
      reportAt(context, 'GH2008', ['proxies', name, 'upstream', 'url'], message)
    }
  }
}

/** Whether an address is known, and one that other machines reach. */
function isReachable(
  { loadContext, config }: WholeContext,
  pointer: '/listen/address' | '/admin/address',
): boolean {
  if (isOpaque(loadContext, config, fromPointer(pointer))) return false
  const { address } = pointer === '/listen/address' ? config.listen : config.admin
  const { host } = parseAddress(address)
  return !isLoopback(isIP(host) === 6 ? `[${host}]` : host)
}

/** The host of a URL; nothing where a variable in it is not set. */
function hostOf(url: string): string {
  return URL.parse(url)?.hostname ?? ''
}

const privateNames = /(?:^|\.)(?:internal|local|lan|home\.arpa|svc|test)$/
const privateAddresses =
  /^(?:10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|169\.254\.|\[?f[cd][0-9a-f]{2}:|\[?fe[89ab][0-9a-f]:)/

/** Whether a host is this machine, or by its looks one of a private network: no dot, a reserved ending or range. */
function isPrivate(host: string): boolean {
  if (isLoopback(host) || host === '') return true
  if (isIP(host.replaceAll(/[[\]]/g, '')) !== 0) return privateAddresses.test(host)
  return !host.includes('.') || privateNames.test(host)
}
