import {
  accepts,
  begins,
  breaks,
  ends,
  keeps,
  limits,
  neutral,
  oneOf,
  protects,
  requires,
  tolerates,
  unknown,
  type Order,
} from './orders.ts'

/** The order of a field that is compared elsewhere: see accessChanges and secretChanges. */
export const computed = 'computed'

/**
 * The order of every field of gateway.yaml. A segment `*` stands for any name, and `**` at the end for any fields below.
 * The first row that fits counts. A test compares the table with the schema.
 */
export const orders: readonly (readonly [pattern: string, order: Order | typeof computed])[] = [
  ['version', neutral],
  ['include', accepts],
  ['revocations', protects],
  ['workers', neutral],
  ['reload/**', neutral],
  ['pepper', breaks],
  ['sessions/secret', breaks],
  ['outbound/allowedHosts', accepts],

  ['listen/address', unknown],
  ['listen/publicUrl', unknown],
  ['listen/allowedHosts', accepts],
  ['listen/allowedOrigins', accepts],
  ['listen/allowedHeaders', accepts],
  ['listen/tls/minVersion', oneOf('TLSv1.3', 'TLSv1.2')],
  ['listen/tls/cert', keeps],
  ['listen/tls/key', keeps],
  ['listen/tls/*', protects],
  ['listen/**', neutral],
  ['admin/address', unknown],
  ['admin/allowedHosts', accepts],

  ['auth/*/grants/**', computed],
  ['auth/*/grants', computed],
  ['auth/*/audiences', accepts],
  ['auth/*/clients', accepts],
  ['auth/*/algorithms', accepts],
  ['auth/*/clockSkew', tolerates],
  ['auth/*/introspection/tokens', oneOf('all', 'opaque')],
  ['auth/*/from/proxies', accepts],
  ['auth/*/from/crl', protects],
  ['auth/*/**', unknown],

  ['roles/*/access/**', computed],
  ['roles/*/description', neutral],

  ['keys/*/roles', computed],
  ['keys/*/disabled', computed],
  ['keys/*/owner', neutral],
  ['keys/*/description', neutral],
  ['keys/*/notBefore', begins],
  ['keys/*/expires', ends],
  ['keys/*/certificate', protects],
  ['keys/*/secrets', computed],
  ['keys/*/secrets/**', computed],

  ['proxies/*/description', neutral],
  ['proxies/*/path', breaks],
  ['proxies/*/auth', computed],
  ['proxies/*/tools/**', computed],
  ['proxies/*/prompts/**', computed],
  ['proxies/*/resources/**', computed],
  ['proxies/*/methods/**', computed],
  ['proxies/*/scopes/**', requires],
  ['proxies/*/maxBody', neutral],
  ['proxies/*/keepAlive', neutral],
  ['proxies/*/upstream/url', breaks],
  ['proxies/*/upstream/timeout/**', neutral],
  ['proxies/*/upstream/forwardHeaders', limits],
  ['proxies/*/upstream/**', unknown],
]

/** Returns the order of a field; undefined if the table has none. */
export function orderOf(path: readonly string[]): Order | typeof computed | undefined {
  return orders.find(([pattern]) => fits(pattern.split('/'), path))?.[1]
}

function fits(pattern: readonly string[], path: readonly string[]): boolean {
  for (const [index, segment] of pattern.entries()) {
    if (segment === '**') return path.length > index
    if (index >= path.length || (segment !== '*' && segment !== path[index])) return false
  }
  return path.length === pattern.length
}
