import type { Listen, SecretReference, Upstream } from '../../../schema/config.ts'
import type { Client } from '../checks/check-client.ts'
import { takesTokens } from '../../values/auth-type.ts'
import type { Path } from '../document/pointer.ts'
import { entries, type DeepPartial, type CheckContext } from '../checks/check-context.ts'

/** Use of a reference, which decides what its content may be. */
export type ReferenceKind = 'header' | 'line' | 'session' | 'pepper' | 'pem' | 'key-set' | 'proxy-url'

type Reference = [Path, DeepPartial<SecretReference>, ReferenceKind]

/** Returns every reference to a secret, a certificate or a key set, with its path. */
export function secretReferences({ config }: CheckContext): [Path, SecretReference, ReferenceKind][] {
  const { auth, listen, pepper, proxies, sessions } = config
  const all = [
    ...entries(proxies).flatMap(([name, { upstream }]) =>
      ofUpstream(upstream, ['proxies', name, 'upstream']),
    ),
    ...entries(auth).flatMap(([name, method]) => ofAuthMethod(method, ['auth', name])),
    ...entries({ secret: sessions?.secret }).map(([, one]): Reference => [
      ['sessions', 'secret'],
      one,
      'session',
    ]),
    ...entries({ pepper }).map(([, one]): Reference => [['pepper'], one, 'pepper']),
    ...ofListener(listen?.tls),
  ]
  return all.filter(
    (one): one is [Path, SecretReference, ReferenceKind] =>
      one[1].env !== undefined || one[1].file !== undefined,
  )
}

function ofUpstream(upstream: DeepPartial<Upstream> | undefined, path: Path): Reference[] {
  const { headers, query, auth, tls, proxy } = upstream ?? {}
  return [
    ...entries(headers).map(([name, one]): Reference => [[...path, 'headers', name], one, 'header']),
    ...entries(query).map(([name, one]): Reference => [[...path, 'query', name], one, 'line']),
    ...entries({ proxy }).map(([field, one]): Reference => [[...path, field], one, 'proxy-url']),
    ...ofClient(auth as Client | undefined, [...path, 'auth']),
    ...pemReferences({ ca: tls?.ca, cert: tls?.cert, key: tls?.key }, [...path, 'tls']),
  ]
}

type AuthMethod = NonNullable<NonNullable<CheckContext['config']['auth']>[string]>

function ofAuthMethod(method: AuthMethod, path: Path): Reference[] {
  if (method.type === 'mtls') {
    return pemReferences({ ca: method.from?.ca, crl: method.from?.crl }, [...path, 'from'])
  }
  if (!takesTokens(method)) return []
  const jwks = method.jwks as DeepPartial<SecretReference> | undefined
  return [
    ...entries({ jwks }).map(([, one]): Reference => [[...path, 'jwks'], one, 'key-set']),
    ...ofClient(method.introspection, [...path, 'introspection']),
  ]
}

function ofListener(tls: DeepPartial<Listen['tls']>): Reference[] {
  const { cert, key, clientCa, crl } = tls ?? {}
  return pemReferences({ cert, key, clientCa, crl }, ['listen', 'tls'])
}

function ofClient({ clientSecret, privateKey }: Client = {}, path: Path): Reference[] {
  return [
    ...entries({ clientSecret }).map(([field, one]): Reference => [[...path, field], one, 'line']),
    ...pemReferences({ privateKey }, path),
  ]
}

function pemReferences(
  references: Readonly<Record<string, DeepPartial<SecretReference> | undefined>>,
  path: Path,
): Reference[] {
  return entries(references).map(([field, one]): Reference => [[...path, field], one, 'pem'])
}
