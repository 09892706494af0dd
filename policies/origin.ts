import { isIP } from 'node:net'
import type { HeadPolicy } from './policy.ts'
import type { RequestHead } from '../gateway/auth/request-head.ts'
import { Refusal } from '../gateway/mcp/errors.ts'
import { quotedPart } from '../gateway/mcp/header-value.ts'
import type { Listen } from '../schema/config.ts'

const loopbackNames = new Set(['localhost', '127.0.0.1', '[::1]'])

/**
 * Checks Host and Origin against DNS rebinding (MCP 2026-07-28, Streamable HTTP, Security Warning). A rebound name is in the
 * Host header, so names must be known; loopback names and addresses cannot be rebound. A
 * browser's Origin must be listed, or be the host itself. If clients use https, an http Origin of that host is refused:
 * anyone in the network can pose as http://host to a browser, but not as http://localhost.
 */
export const origin: HeadPolicy = {
  kind: 'origin',
  stage: 'head',
  create: ({ listen }) => createOriginCheck(listen),
}

/** The fields of `listen` that hosts and origins depend on. */
type Hosts = Pick<Listen, 'publicUrl' | 'allowedHosts' | 'allowedOrigins' | 'tls'>

/** Creates the check of Host and Origin. */
export function createOriginCheck({
  publicUrl,
  allowedHosts,
  allowedOrigins,
  tls,
}: Hosts): (head: Pick<RequestHead, 'headers'>) => void {
  const hosts = new Set(allowedHosts)
  if (publicUrl !== undefined) hosts.add(new URL(publicUrl).host)
  const origins = new Set(allowedOrigins)
  const isPublicSecure = publicUrl?.startsWith('https:') === true

  return function checkOrigin({ headers }) {
    const host = headers.host?.toLowerCase() ?? ''
    const name = host.replace(/:\d{1,5}$/, '')
    const known = hosts.has(host) || hosts.has(name) || loopbackNames.has(name) || isAddress(name)
    if (!known) throw new Refusal('host_refused', { values: { host: quotedPart(host) } })
    const { origin } = headers
    if (origin === undefined || origins.has(origin)) return
    const isPlain = origin === `http://${host}`
    const mayBePlain = tls === undefined && (!isPublicSecure || loopbackNames.has(name))
    if (origin !== `https://${host}` && !(isPlain && mayBePlain)) {
      throw new Refusal('origin_refused')
    }
  }
}

/** Returns whether a host without a port is an address, not a name: a page of that host comes from that address. */
function isAddress(name: string): boolean {
  return isIP(name.replace(/^\[(.*)\]$/, '$1')) !== 0
}
