import type { Config } from '../../schema/config.ts'

/** Fields that are taken once, at the start: addresses, how the listener speaks to clients, and its threads. */
export const restartFields: readonly {
  readonly pointer: string
  of(this: void, config: Settings): unknown
}[] = [
  { pointer: '/listen/address', of: config => config.listen.address },
  { pointer: '/listen/tls', of: ({ listen }) => listen.tls !== undefined },
  { pointer: '/listen/tls/clientCa', of: ({ listen }) => listen.tls?.clientCa !== undefined },
  { pointer: '/admin/address', of: config => config.admin.address },
  { pointer: '/admin/allowedHosts', of: ({ admin }) => admin.allowedHosts.join(', ') || 'empty' },
  { pointer: '/workers', of: config => config.workers },
]

/** A configuration but for its keys, of which there may be many. */
export type Settings = Omit<Config, 'keys'>
