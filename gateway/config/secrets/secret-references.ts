import type { SecretReference } from '../../../schema/config.ts'
import type { Client } from '../checks/check-client.ts'
import { takesTokens } from '../../values/auth-type.ts'
import type { Path } from '../document/pointer.ts'
import { entries, type DeepPartial, type CheckContext } from '../checks/check-context.ts'

/** Use of a reference, which decides what its content may be. */
export type ReferenceKind = 'header' | 'line' | 'session' | 'pepper' | 'pem' | 'keys'

/** Returns every reference to a secret, a certificate or a key set, with its path. */
export function secretReferences(context: CheckContext): [Path, SecretReference, ReferenceKind][] {
  const found: [Path, DeepPartial<SecretReference>, ReferenceKind][] = []
  for (const [name, { upstream }] of entries(context.config.proxies)) {
    for (const [header, value] of entries(upstream?.headers)) {
      found.push([['proxies', name, 'upstream', 'headers', header], value, 'header'])
    }
    for (const [parameter, value] of entries(upstream?.query)) {
      found.push([['proxies', name, 'upstream', 'query', parameter], value, 'line'])
    }
    found.push(
      ...clientReferences(upstream?.auth as Client | undefined, ['proxies', name, 'upstream', 'auth']),
    )
    for (const field of ['ca', 'cert', 'key'] as const) {
      const reference = upstream?.tls?.[field]
      if (reference !== undefined) found.push([['proxies', name, 'upstream', 'tls', field], reference, 'pem'])
    }
  }
  for (const [name, method] of entries(context.config.auth)) {
    if (!takesTokens(method)) continue
    if (method.jwks !== undefined)
      found.push([['auth', name, 'jwks'], method.jwks as DeepPartial<SecretReference>, 'keys'])
    found.push(...clientReferences(method.introspection, ['auth', name, 'introspection']))
  }
  const { secret } = context.config.sessions ?? {}
  if (secret !== undefined) found.push([['sessions', 'secret'], secret, 'session'])
  const { pepper } = context.config
  if (pepper !== undefined) found.push([['pepper'], pepper, 'pepper'])
  for (const [name, reference] of entries(
    pick(context.config.listen?.tls, ['cert', 'key', 'clientCa', 'crl']),
  )) {
    found.push([['listen', 'tls', name], reference, 'pem'])
  }
  for (const [name, method] of entries(context.config.auth)) {
    if (method.type !== 'mtls') continue
    for (const [field, reference] of entries(pick(method.from, ['ca', 'crl']))) {
      found.push([['auth', name, 'from', field], reference, 'pem'])
    }
  }
  return found.filter(
    (one): one is [Path, SecretReference, ReferenceKind] =>
      one[1].env !== undefined || one[1].file !== undefined,
  )
}

function clientReferences(
  { clientSecret, privateKey }: Client = {},
  path: Path,
): [Path, DeepPartial<SecretReference>, ReferenceKind][] {
  return [
    ...(clientSecret === undefined ? [] : [[[...path, 'clientSecret'], clientSecret, 'line'] as const]),
    ...(privateKey === undefined ? [] : [[[...path, 'privateKey'], privateKey, 'pem'] as const]),
  ].map(([at, reference, kind]) => [at, reference, kind])
}

function pick<T, Field extends keyof T>(
  holder: T | undefined,
  fields: readonly Field[],
): Record<string, T[Field] | undefined> {
  return Object.fromEntries(fields.map(field => [field, holder?.[field]]))
}
