import type { ClientCertificate } from './certificate.ts'
import type { Owner } from '../mcp/handles/seal.ts'
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
  /** The secret that a key was proved with; undefined for what is no key. */
  readonly secret?: ProvedSecret
  /** The issuer of a token; undefined for what is no token. */
  readonly issuer?: string
  /** What a token may be used for, as its issuer says; undefined for what is no token. */
  readonly scopes?: ReadonlySet<string>
  /** What a token says; undefined for what is no token. */
  readonly claims?: Claims
  /** The certificate that it was proved with, or that its key is bound to. */
  readonly certificate?: ClientCertificate
  /** The secret that was presented is being rotated out: it ends, and another of its key stays longer. */
  readonly outgoing?: true
  /** Names of the principal, one per secret of the key, the one that stays longest first; undefined for what is not a key. */
  readonly identities?: readonly string[]
}

/** By what a secret of a key is known. */
export interface ProvedSecret {
  /** As the configuration has it. */
  readonly hash: string
  /** `sha256:` and the SHA-256 of the secret in hex; undefined until a secret with another hash was presented. */
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
 * Returns a principal as the owner of handles on a proxy. New ones are sealed under its first name, and open under each.
 * A key has one per secret, so that a rotation keeps what belongs to the key while its secrets overlap, and another key of
 * the same name, with other secrets, gets nothing. The auth method is part of a name, because two of them may trust CAs
 * that give one name to two clients.
 */
export function ownerOf({ identities, kind, name, grantedBy }: Principal, proxy: string): Owner {
  return { identities: identities ?? [`${kind}:${grantedBy}:${name}`], proxy }
}
