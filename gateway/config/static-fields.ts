import type { Config } from '../../schema/config.ts'

/** Fields that take effect only at the start: addresses, the protocol of the listener, and the number of workers. */
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

/** A configuration without its keys, of which there may be many. */
export type Settings = Omit<Config, 'keys'>
