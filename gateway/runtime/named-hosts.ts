import type { Config } from '../../schema/config.ts'

/** The hosts that a configuration names for requests of the gateway's own, as they stand in URLs; see `createOutbound`. */
export function namedHosts({ outbound, proxies }: Pick<Config, 'outbound' | 'proxies'>): ReadonlySet<string> {
  const urls = Object.values(proxies).flatMap(({ upstream }) => upstream.auth?.tokenUrl ?? [])
  return new Set([...outbound.allowedHosts, ...urls.map(url => new URL(url).hostname)])
}
