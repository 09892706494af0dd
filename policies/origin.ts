import { isIP } from 'node:net'
import type { HeadPolicy } from './policy.ts'
import type { RequestHead } from '../gateway/auth/request-head.ts'
import { Refusal } from '../gateway/mcp/errors.ts'
import type { Listen } from '../schema/config.ts'

const loopbackNames = new Set(['localhost', '127.0.0.1', '[::1]'])

/**
 * Host and Origin (MCP 2026-07-28, Streamable HTTP, Security Warning: against DNS rebinding). A rebound name
 * stands in the Host header, so names must be known; loopback names and the very address that a request
 * arrived at cannot be rebound. A browser's Origin must be listed, or be the host that it talks to; where clients
 * come by https, not by plain http: whoever is in the network can be http://host to a browser, but not http://localhost.
 */
export const origin: HeadPolicy = {
  kind: 'origin',
  stage: 'head',
  create: ({ listen }) => createOriginCheck(listen),
}

/** The block `listen`, as far as hosts and origins depend on it. */
type Hosts = Pick<Listen, 'publicUrl' | 'allowedHosts' | 'allowedOrigins' | 'tls'>

/** Returns the check of Host and Origin. */
export function createOriginCheck({
  publicUrl,
  allowedHosts,
  allowedOrigins,
  tls,
}: Hosts): (head: Pick<RequestHead, 'headers' | 'localAddress'>) => void {
  const hosts = new Set(allowedHosts)
  if (publicUrl !== undefined) hosts.add(new URL(publicUrl).host)
  const origins = new Set(allowedOrigins)
  const isPublicSecure = publicUrl?.startsWith('https:') === true

  return function checkOrigin({ headers, localAddress }) {
    const host = headers.host?.toLowerCase() ?? ''
    const name = host.replace(/:\d{1,5}$/, '')
    const known =
      hosts.has(host) || hosts.has(name) || loopbackNames.has(name) || isArrivalAddress(name, localAddress())
    if (!known) throw new Refusal('host_refused')
    const { origin: sent } = headers
    if (sent === undefined || origins.has(sent)) return
    const isPlain = sent === `http://${host}`
    const mayBePlain = tls === undefined && (!isPublicSecure || loopbackNames.has(name))
    if (sent !== `https://${host}` && !(isPlain && mayBePlain)) {
      throw new Refusal('origin_refused')
    }
  }
}

function isArrivalAddress(name: string, localAddress: string): boolean {
  const address = name.replace(/^\[(.*)\]$/, '$1')
  return isIP(address) !== 0 && address === localAddress.replace(/^::ffff:/, '')
}
