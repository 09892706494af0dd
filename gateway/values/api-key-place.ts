import type { ApiKeyAuth } from '../../schema/config.ts'

/** Place of an API key in a request, as an auth method configures it. */
interface Place {
  readonly in: ApiKeyAuth['in']
  readonly name: string
  readonly scheme?: string | undefined
}

/** Returns the scheme in front of an API key: as configured, or `Bearer` in Authorization; empty for none. */
export function schemeOf({ in: place, name, scheme }: Place): string {
  if (place !== 'header') return ''
  return scheme ?? (name.toLowerCase() === 'authorization' ? 'Bearer' : '')
}
