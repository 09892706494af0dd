import type { ClientCertificate } from './certificate.ts'
import type { Owner } from '../mcp/handles/seal.ts'
import type { Claims } from './jws.ts'

/** The identity that a request was authenticated as. */
export interface Principal {
  /** The kind of credential; `anonymous` on a proxy with `auth: none`. */
  readonly kind: 'key' | 'token' | 'certificate' | 'anonymous'
  /** Unique together with the kind: a key's name, a token's issuer and subject, a certificate's identity. */
  readonly name: string
  readonly roles: readonly string[]
  /** The place in the configuration that gives it its roles, as a JSON pointer. */
  readonly grantedBy: string
  /** The instant at which the credential expires, in milliseconds since the epoch; Infinity for never. */
  readonly expires: number
  /** SHA-256 of the presented credential in hex, or another digest that identifies it; undefined for `anonymous`. */
  readonly digest: string | undefined
  /** The secret of a key that was presented; undefined for other kinds. */
  readonly secret?: ProvedSecret
  /** The issuer of a token; undefined for other kinds. */
  readonly issuer?: string
  /** The scopes of a token; undefined for other kinds. */
  readonly scopes?: ReadonlySet<string>
  /** The claims of a token; undefined for other kinds. */
  readonly claims?: Claims
  /** The certificate that was presented, or that the key is bound to. */
  readonly certificate?: ClientCertificate
  /** Set if the secret that was presented is being rotated out: it expires before another one of its key. */
  readonly outgoing?: true
  /** Names of a key, one per secret; the one that expires last comes first. Undefined for other kinds. */
  readonly identities?: readonly string[]
}

/** The hashes by which a presented secret is known. */
export interface ProvedSecret {
  /** The hash in the configuration. */
  readonly hash: string
  /** `sha256:` and the SHA-256 of the secret in hex; undefined until the secret is presented. */
  sha256: string | undefined
}

/** The principal of every request to a proxy with `auth: none`. */
export const anonymous: Principal = {
  kind: 'anonymous',
  name: 'anonymous',
  roles: [],
  grantedBy: '',
  expires: Infinity,
  digest: undefined,
}

/**
 * Returns a principal as the owner of handles on a proxy. Handles are sealed under its first name, and open under each. A
 * key has one name per secret. So it keeps its handles through a rotation while its secrets overlap, and another key of the
 * same name, with other secrets, gets none. The auth method is part of a name, because two of them may trust CAs that give
 * one name to two clients.
 */
export function ownerOf({ identities, kind, name, grantedBy }: Principal, proxy: string): Owner {
  return { identities: identities ?? [`${kind}:${grantedBy}:${name}`], proxy }
}
