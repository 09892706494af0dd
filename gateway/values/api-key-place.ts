import type { ApiKeyAuth } from '../../schema/config.ts'

/** Where a client puts a key, as far as an auth method says it. */
interface Place {
  readonly in: ApiKeyAuth['in']
  readonly name: string
  readonly scheme?: string | undefined
}

/** The word before the key in its header: as configured, or `Bearer` in Authorization; empty where there is none. */
export function schemeOf({ in: place, name, scheme }: Place): string {
  if (place !== 'header') return ''
  return scheme ?? (name.toLowerCase() === 'authorization' ? 'Bearer' : '')
}
