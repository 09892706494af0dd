import type { JwtAuth, Listen, Proxy } from '../schema/config.ts'
import type { Secrets } from '../gateway/values/secrets.ts'
import type { RequestHead } from '../gateway/auth/request-head.ts'
import type { Introspection } from '../gateway/auth/token/introspected-token.ts'
import type { OpenTokens } from '../gateway/auth/token/open-tokens.ts'
import type { Principal } from '../gateway/auth/principal.ts'
import type { Keyring } from '../gateway/auth/api-key/keyring.ts'
import type { TokenKeys } from '../gateway/auth/token/token-keys.ts'
import type { Trust } from '../gateway/auth/trust.ts'

/** The dependencies of an identity policy. It is created once per snapshot and proxy. */
export interface PolicyDependencies {
  /** The name of the auth method. */
  readonly name: string
  readonly keyring: Keyring
  /** Every spelling of the public URL of the proxy; empty without `listen.publicUrl`. */
  readonly ownAudiences: readonly string[]
  /** Returns the public keys of the issuer that an auth method names. */
  tokenKeys(this: void, options: Pick<JwtAuth, 'issuer' | 'jwks'>): TokenKeys
  /** Returns the introspection of tokens; undefined if the auth method has none. */
  introspection(this: void, options: Pick<JwtAuth, 'issuer' | 'introspection'>): Introspection | undefined
  readonly secrets: Secrets
  /** The state of the tokens that open streams depend on. */
  readonly openTokens: OpenTokens
  /** The CAs for the certificates of connections; undefined if clients are not asked for certificates. */
  readonly clientTrust: Trust | undefined
}

/** The options of a head policy. It is created once per snapshot and proxy. */
export interface HeadOptions {
  readonly listen: Listen
  readonly proxy: Proxy
  /** The name of the proxy. */
  readonly name: string
}

/** A policy that checks the head of every request to a proxy, before the request is authenticated. */
export interface HeadPolicy {
  readonly kind: string
  readonly stage: 'head'
  /** Creates the check, which throws a Refusal; undefined if there is nothing to check on this proxy. */
  create(options: HeadOptions): ((head: RequestHead) => void) | undefined
}

/** A policy that finds out who sends a request: a type of auth method. */
export interface IdentityPolicy<Options> {
  /** The `type` of the auth method in gateway.yaml. */
  readonly kind: string
  readonly stage: 'identity'
  /** The request header that carries the credential, in lower case; empty for none. */
  header(this: void, options: Options): string
  create(options: Options, dependencies: PolicyDependencies): Authenticator
}

/** One configured auth method on one proxy. */
export interface Authenticator {
  /** The name of the auth method in gateway.yaml. */
  readonly method: string
  /** Returns the credential that the request carries for this method; undefined if it carries none. */
  credential(head: RequestHead): string | undefined
  /**
   * Recognizes a credential by its shape, if other methods read the same header: `own` for this method's, `kind` for one
   * of the same kind that belongs to another method, `rest` for one that this method takes if no other method reads it,
   * and `no` for anything else. A method without this function takes every credential that no other method recognizes.
   */
  recognizes?(credential: string): 'own' | 'kind' | 'rest' | 'no'
  /**
   * Returns the principal that the credential proves, at an instant in milliseconds since the epoch. Throws or rejects with
   * a Refusal.
   */
  authenticate(credential: string, now: number, head: RequestHead): Principal | Promise<Principal>
  /** Judges again a principal that this method accepted before. Throws a Refusal. */
  review(principal: Principal, now: number): Principal
  /** The challenge of this method in WWW-Authenticate (RFC 9110 §11.6.1). */
  readonly challenge: { readonly scheme: string; readonly parameters: Readonly<Record<string, string>> }
  /**
   * Set if the credential belongs to the connection: it decides only if the request carries no credential for another
   * method.
   */
  readonly ofConnection?: boolean
  /** The request header that carries the credential, in lower case; empty for none. */
  readonly header: string
  /** How clients send the credential, as a noun phrase, if the challenge does not say so. */
  readonly sentAs?: string | undefined
}
