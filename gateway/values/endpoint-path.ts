import type { Proxy } from '../../schema/config.ts'

/** Returns the path of a proxy's endpoint: as configured, or `/NAME/mcp`. */
export function endpointPath(name: string, proxy: Pick<Proxy, 'path'>): string {
  return proxy.path ?? `/${name}/mcp`
}
