/** Whom a request was authenticated as. */
export interface Principal {
  /** How it proved who it is; `anonymous` where a proxy asks for nothing. */
  readonly kind: 'key' | 'anonymous'
  /** Unique together with the kind: a key's name. */
  readonly name: string
  readonly roles: readonly string[]
  /** The instant from which the proof is no longer good, in milliseconds since the epoch; Infinity for never. */
  readonly expires: number
  /** SHA-256 of the presented secret in hex; undefined for `anonymous`. */
  readonly digest: string | undefined
}

/** The principal of every request to a proxy with `auth: none`. */
export const anonymous: Principal = {
  kind: 'anonymous',
  name: 'anonymous',
  roles: [],
  expires: Infinity,
  digest: undefined,
}

/** One text per identity; the secret is no part of it, so that rotating a key keeps what belongs to it. */
export function identityOf({ kind, name }: Principal): string {
  return `${kind}:${name}`
}
