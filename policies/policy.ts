import type { JwtAuth, Listen, Proxy } from '../schema/config.ts'
import type { Secrets } from '../gateway/values/secrets.ts'
import type { RequestHead } from '../gateway/auth/request-head.ts'
import type { Introspection } from '../gateway/auth/token/introspected-token.ts'
import type { OpenTokens } from '../gateway/auth/token/open-tokens.ts'
import type { Principal } from '../gateway/auth/principal.ts'
import type { Keyring } from '../gateway/auth/api-key/keyring.ts'
import type { TokenKeys } from '../gateway/auth/token/token-keys.ts'
import type { Trust } from '../gateway/auth/trust.ts'

/** What a policy is made with, once per snapshot. */
export interface PolicyDependencies {
  /** The name of what the policy is made for: of the auth method, where it is one. */
  readonly name: string
  readonly keyring: Keyring
  /** The public URL of the proxy that it is made for, in every spelling; empty where that is not known. */
  readonly ownAudiences: readonly string[]
  /** The keys of the issuer that an auth method names. */
  tokenKeys(this: void, options: Pick<JwtAuth, 'issuer' | 'jwks'>): TokenKeys
  /** Who is asked about tokens; undefined where nobody is. */
  introspection(this: void, options: Pick<JwtAuth, 'issuer' | 'introspection'>): Introspection | undefined
  readonly secrets: Secrets
  /** What is known of the tokens that something open stands on. */
  readonly openTokens: OpenTokens
  /** Who vouches for the certificates of connections; undefined where clients are asked for none. */
  readonly clientTrust: Trust | undefined
}

/** What a head policy is made with, once per snapshot and proxy. */
export interface HeadOptions {
  readonly listen: Listen
  readonly proxy: Proxy
  /** The name of the proxy. */
  readonly name: string
}

/** Looks at the head of every request to a proxy, before anything else. */
export interface HeadPolicy {
  readonly kind: string
  readonly stage: 'head'
  /** @returns the check, which throws a Refusal; undefined where this proxy has nothing to check */
  create(options: HeadOptions): ((head: RequestHead) => void) | undefined
}

/** An auth method: proves who sends a request. */
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
  /** The credential that the request carries for this method; undefined where it carries none. */
  credential(head: RequestHead): string | undefined
  /**
   * Whether a credential is this method's by its shape, where other methods read the same header: its own, one of
   * its kind that belongs to another, or none. A method without this takes whatever no other recognises.
   */
  recognises?(credential: string): 'own' | 'kind' | 'no'
  /**
   * Who the credential proves it is, at an instant in milliseconds since the epoch. Throws or rejects with a
   * Refusal.
   */
  authenticate(credential: string, now: number, head: RequestHead): Principal | Promise<Principal>
  /** Judges again, later, a principal that this method accepted before. Throws a Refusal. */
  review(principal: Principal, now: number): Principal
  /** Its part of WWW-Authenticate (RFC 9110 §11.6.1). */
  readonly challenge: { readonly scheme: string; readonly parameters: Readonly<Record<string, string>> }
  /**
   * Its credential is one of the connection, not chosen for a request: it decides only where the request carries
   * none for another method.
   */
  readonly ofConnection?: boolean
  /** As its policy says: the request header that carries the credential. */
  readonly header: string
}
