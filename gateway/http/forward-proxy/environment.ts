import { BlockList, isIP } from 'node:net'
import { isLoopback, withoutBrackets } from '../../values/hosts.ts'
import { MalformedError } from '../../values/malformed.ts'
import { parseNetwork } from '../../values/networks.ts'
import { parseProxyUrl, type ForwardProxy } from '../../values/proxy-url.ts'

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>

/** A proxy that does not exist: names below `invalid` never do (RFC 6761 §6.4). */
const unusable = parseProxyUrl('http://malformed-proxy-url.invalid')

/**
 * Returns the forward proxy that the environment names for a URL; undefined for a direct connection. The variables are
 * `HTTPS_PROXY` for https, `HTTP_PROXY` for http, and `NO_PROXY`. Lower case comes first, as in curl. Loopback hosts are
 * always reached directly, because they are another machine for the proxy. If a variable is not the URL of an HTTP proxy,
 * nothing goes out directly: every connection fails.
 */
export function proxyFromEnvironment(
  url: URL,
  environment: Environment = process.env,
): ForwardProxy | undefined {
  const [lower, upper] =
    url.protocol === 'https:' ? ['https_proxy', 'HTTPS_PROXY'] : ['http_proxy', 'HTTP_PROXY']
  const text = (environment[lower] ?? environment[upper] ?? '').trim()
  if (text === '' || isLoopback(url.hostname)) return undefined
  const exempt = environment['no_proxy'] ?? environment['NO_PROXY'] ?? ''
  return isExempt(url, exempt) ? undefined : parsed(text)
}

function parsed(text: string): ForwardProxy {
  try {
    return parseProxyUrl(text)
  } catch (error) {
    if (error instanceof MalformedError) return unusable
    throw error
  }
}

/**
 * Returns whether `NO_PROXY` names a host: `*`, a name with all names below it, an address or a network. Each may have a
 * port.
 */
function isExempt({ protocol, hostname, port }: URL, list: string): boolean {
  const host = withoutBrackets(hostname).replace(/\.$/, '')
  const actual = port === '' ? (protocol === 'https:' ? '443' : '80') : port
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .some(entry => entry !== '' && covers(entry, host, actual))
}

function covers(entry: string, host: string, port: string): boolean {
  if (entry === '*') return true
  const [, bracketed, plain, wanted] = /^(?:\[(.*)\]|([^:]*))(?::([0-9]+))?$/.exec(entry) ?? []
  if (wanted !== undefined && wanted !== port) return false
  const name = (bracketed ?? plain ?? entry).replace(/^\*?\.|\.$/g, '')
  if (isIP(host) !== 0) return isWithin(name, host)
  return name !== '' && (host === name || host.endsWith(`.${name}`))
}

function isWithin(network: string, host: string): boolean {
  try {
    const { address, prefix, family } = parseNetwork(network)
    const block = new BlockList()
    block.addSubnet(address, prefix, family)
    return block.check(host, isIP(host) === 4 ? 'ipv4' : 'ipv6')
  } catch (error) {
    if (error instanceof MalformedError) return false
    throw error
  }
}
