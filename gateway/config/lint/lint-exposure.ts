import { isIP } from 'node:net'
import { isLoopback } from '../../values/hosts.ts'
import type { WholeContext } from './whole-context.ts'
import { isSkipped } from '../document/locate.ts'
import { fromPointer } from '../document/pointer.ts'
import { parseAddress } from '../../values/units.ts'
import { reportAt } from '../checks/check-context.ts'

/** Warns of listeners that other machines can reach without TLS or credentials. */
export function lintListeners(context: WholeContext): void {
  const { admin, listen, proxies } = context.config
  const { tls, publicUrl } = listen
  const guarded = Object.values(proxies).some(({ auth }) => auth !== 'none')
  const clear = publicUrl?.startsWith('http://') === true && !isPrivate(hostOf(publicUrl))
  if (clear && guarded) {
    reportAt(context, 'GH2007', ['listen', 'publicUrl'], {
      message: 'clients send credentials to this URL without TLS',
      help: 'write the `https://` URL, and serve it with `listen.tls` or a proxy in front',
    })
  }
  if (guarded && tls === undefined && publicUrl === undefined && isReachable(context, '/listen/address')) {
    reportAt(context, 'GH2006', ['listen', 'address'], {
      message: 'other machines send credentials to this address without TLS',
      help: 'set `listen.tls`, or set `listen.publicUrl` to the `https://` URL of a proxy in front',
    })
  }
  if (isReachable(context, '/admin/address') && !isPrivate(parseAddress(admin.address).host)) {
    reportAt(context, 'GH2103', ['admin', 'address'], {
      message: 'other machines can reach /status and /metrics, which ask for no credential',
      help: 'write `127.0.0.1`, or let only the monitoring reach the port',
    })
  }
}

/** Notes that sessions end at a restart, if clients on other machines have them. */
export function lintSessions(context: WholeContext): void {
  const { listen, sessions } = context.config
  const { publicUrl } = listen
  const isPublic = publicUrl !== undefined && hostOf(publicUrl) !== '' && !isLoopback(hostOf(publicUrl))
  const isDeployed = isPublic || isReachable(context, '/listen/address')
  if (isDeployed && sessions?.secret === undefined) {
    reportAt(context, 'GH2105', ['listen', isPublic ? 'publicUrl' : 'address'], {
      message: 'a restart ends all sessions and tasks of clients, because there is no `sessions.secret`',
      help: 'write `sessions: {secret: {env: SESSION_SECRET}}`, and make a secret with `openssl rand -base64 48`',
    })
  }
}

/** Warns of proxies that are open to everyone, and of upstreams on public networks without TLS. */
export function lintProxies(context: WholeContext): void {
  const reachable = isReachable(context, '/listen/address')
  for (const [name, { auth, upstream }] of Object.entries(context.config.proxies)) {
    if (auth === 'none' && reachable) {
      reportAt(context, 'GH2005', ['proxies', name, 'auth'], {
        message: 'other machines can reach this proxy without a credential',
        help: 'name an auth method, or listen on `127.0.0.1`',
        related: [{ path: ['listen', 'address'], message: 'other machines can reach this address' }],
      })
    }
    if (upstream.url.startsWith('http://') && !isPrivate(hostOf(upstream.url))) {
      reportAt(context, 'GH2008', ['proxies', name, 'upstream', 'url'], {
        message: 'calls and credentials go to this upstream without TLS, over a public network',
        help: 'write `https://`',
      })
    }
  }
}

/** Returns whether other machines can reach an address; false for an unknown one. */
function isReachable(
  { loadContext, config }: WholeContext,
  pointer: '/listen/address' | '/admin/address',
): boolean {
  if (isSkipped(loadContext, config, fromPointer(pointer))) return false
  const { address } = pointer === '/listen/address' ? config.listen : config.admin
  const { host } = parseAddress(address)
  return !isLoopback(isIP(host) === 6 ? `[${host}]` : host)
}

/** Returns the host of a URL; empty if a variable in it is missing. */
function hostOf(url: string): string {
  return URL.parse(url)?.hostname ?? ''
}

const privateNames = /(?:^|\.)(?:internal|local|lan|home\.arpa|svc|test)$/
const privateAddresses =
  /^(?:10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|169\.254\.|\[?f[cd][0-9a-f]{2}:|\[?fe[89ab][0-9a-f]:)/

/** Returns whether a host is this machine or looks private: no dot, a reserved suffix, or a private range. */
function isPrivate(host: string): boolean {
  if (isLoopback(host) || host === '') return true
  if (isIP(host.replaceAll(/[[\]]/g, '')) !== 0) return privateAddresses.test(host)
  return !host.includes('.') || privateNames.test(host)
}
