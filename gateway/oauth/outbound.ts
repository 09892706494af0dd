import { withoutBrackets } from '../values/hosts.ts'
import { lookup } from 'node:dns'
import { BlockList, isIP, type LookupFunction } from 'node:net'
import { Agent, request, type Dispatcher } from 'undici'
import { createProxied, type Proxied } from '../http/forward-proxy/dispatcher.ts'
import { proxyFromEnvironment, type Environment } from '../http/forward-proxy/environment.ts'
import type { ForwardProxy } from '../values/proxy-url.ts'

/** A request of the gateway itself: for keys, metadata and tokens, never for a client. */
export interface OutboundRequest {
  readonly method?: 'GET' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** Fetches small documents. See `createOutbound`. */
export type Outbound = (url: string, request?: OutboundRequest) => Promise<{ status: number; text: string }>

/** A host to which the gateway does not connect. */
export class OutboundRefused extends Error {
  override readonly name = 'OutboundRefused'
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

const requestTimeoutMs = 5000
const mebibyte = 1024 * 1024

const internal = new BlockList()
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  // Azure's wire server, which has a public address.
  ['168.63.129.16', 32],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const) {
  internal.addSubnet(network, prefix, 'ipv4')
}
for (const [network, prefix] of [
  ['::', 96],
  ['::ffff:0:0:0', 96],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
  ['5f00::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
] as const) {
  internal.addSubnet(network, prefix, 'ipv6')
}

/**
 * Creates the only client for URLs in the configuration or in a metadata document. It connects to hosts that the
 * configuration names without further checks. Any other host needs https and a public address. The address is checked when
 * the connection is made, so that DNS cannot change it in between (MCP, Security Best Practices, SSRF). Redirects are not
 * followed. By default, a response has at most 1 MiB and takes at most five seconds.
 *
 * If the environment names a forward proxy for a URL, that proxy resolves the name. The gateway then refuses internal
 * addresses and names that are internal by their form, and relies on the proxy for all others.
 *
 * @param named hosts in the configuration, in lower case and without a port
 * @param options.resolve resolves names, as `lookup` of node:dns does
 * @param options.timeout milliseconds for a whole exchange
 * @param options.largest largest response in characters
 * @param options.environment names the forward proxy
 */
export function createOutbound(
  named: ReadonlySet<string>,
  {
    resolve = lookup,
    timeout = requestTimeoutMs,
    largest = mebibyte,
    environment = process.env,
  }: { resolve?: typeof lookup; timeout?: number; largest?: number; environment?: Environment } = {},
): { fetch: Outbound; close(this: void): void } {
  const times = { headersTimeout: timeout, bodyTimeout: timeout }
  const free = new Agent({ connect: { timeout }, ...times })
  const guarded = new Agent({ connect: { timeout, lookup: publicLookup(resolve) }, ...times })
  const proxied = new Map<string, Proxied>()
  const through = (proxy: ForwardProxy): Dispatcher => {
    const key = `${proxy.origin} ${proxy.authorization ?? ''}`
    const known = proxied.get(key) ?? createProxied(proxy, { timeout, pool: times })
    proxied.set(key, known)
    return known.dispatcher
  }
  return {
    async fetch(url, sent) {
      const parsed = new URL(url)
      const { protocol, hostname } = parsed
      const isNamed = named.has(hostname)
      const proxy = proxyFromEnvironment(parsed, environment)
      const isRefused =
        isInternal(withoutBrackets(hostname)) || (proxy !== undefined && isInternalName(hostname))
      if (!isNamed && (protocol !== 'https:' || isRefused)) {
        throw new OutboundRefused(
          'host_not_named',
          `the gateway does not go to ${hostname}, which its configuration does not name`,
        )
      }
      const direct = isNamed ? free : guarded
      return sendRequest(url, sent, proxy === undefined ? direct : through(proxy), timeout, largest)
    },
    close() {
      for (const agent of [free, guarded, ...proxied.values()]) void agent.close().catch(() => {})
    },
  }
}

/**
 * Sends one request over the dispatcher of its URL. The rules of `createOutbound` for redirects and size apply.
 *
 * @param timeout milliseconds for the whole exchange
 * @param largest largest response in characters
 */
export async function sendRequest(
  url: string,
  { method = 'GET', headers = {}, body }: OutboundRequest = {},
  dispatcher: Dispatcher,
  timeout: number,
  largest = mebibyte,
): ReturnType<Outbound> {
  const answer = await request(url, {
    method,
    headers: { accept: 'application/json', ...headers },
    body: body ?? null,
    dispatcher,
    signal: AbortSignal.timeout(timeout),
  })
  let text = ''
  for await (const chunk of answer.body.setEncoding('utf8')) {
    text += chunk as string
    if (text.length > largest)
      throw new OutboundRefused('answer_too_large', `the answer is larger than ${largest} bytes`)
  }
  return { status: answer.statusCode, text }
}

/** Parses a document as a JSON object. Returns undefined if it is not one. */
export function readObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

/** Returns the reason of a failed fetch in one word. */
export function failureName(error: unknown): string {
  const { code, name } = error as { code?: unknown; name?: unknown }
  return typeof code === 'string' ? code : String(name)
}

/** Returns whether an address is loopback, private, link-local (where clouds have metadata) or otherwise special. */
function isInternal(address: string): boolean {
  const version = isIP(address)
  return version !== 0 && internal.check(address, version === 4 ? 'ipv4' : 'ipv6')
}

/** Returns whether a name is internal by its form: without a dot, or below a domain that is never public. */
function isInternalName(hostname: string): boolean {
  const name = hostname.replace(/\.$/, '')
  return (isIP(name) === 0 && !/[.:]/.test(name)) || /\.(?:localhost|local|internal|home\.arpa)$/.test(name)
}

/** Resolves a name for the connection that is being made. Refuses it if any of its addresses is internal. */
export function publicLookup(resolve: typeof lookup): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, found) => {
      if (error !== null) return callback(error, '')
      if (found.length === 0 || found.some(({ address }) => isInternal(address))) {
        const message = `${hostname} leads to an internal address`
        return callback(new OutboundRefused('address_internal', message), '')
      }
      return options.all === true
        ? callback(null, found)
        : callback(null, found[0]!.address, found[0]!.family)
    })
  }
}
