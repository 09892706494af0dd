import type { ClientCertificate } from './certificate.ts'
import type { Claims } from './jws.ts'

/** Whom a request was authenticated as. */
export interface Principal {
  /** What proved who it is; `anonymous` where a proxy asks for nothing. */
  readonly kind: 'key' | 'token' | 'certificate' | 'anonymous'
  /** Unique together with the kind: a key's name, a token's issuer and subject, a certificate's identity. */
  readonly name: string
  readonly roles: readonly string[]
  /** What gives it its roles: a place in the configuration, as a JSON pointer. */
  readonly grantedBy: string
  /** The instant from which the proof is no longer good, in milliseconds since the epoch; Infinity for never. */
  readonly expires: number
  /** SHA-256 of the presented credential in hex, or a digest that stands for it; undefined for `anonymous`. */
  readonly digest: string | undefined
  /** What a token may be used for, as its issuer says; undefined for what is no token. */
  readonly scopes?: ReadonlySet<string>
  /** What a token says; undefined for what is no token. */
  readonly claims?: Claims
  /** The certificate that it was proved with, or that its key is bound to. */
  readonly certificate?: ClientCertificate
  /** The secret that was presented is being rotated out: it ends, and another of its key stays longer. */
  readonly outgoing?: true
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
 * One text per identity. The secret is no part of it, so that rotating a key keeps what belongs to it; the auth method is,
 * because two of them may trust CAs that give one name to two clients.
 */
export function identityOf({ kind, name, grantedBy }: Principal): string {
  return `${kind}:${grantedBy}:${name}`
}
