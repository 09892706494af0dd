import type { Argon2Queue } from '../../auth/api-key/argon2-queue.ts'
import type { SlowHash } from '../../auth/api-key/slow-hashes.ts'
import type { OpenTokens } from '../../auth/token/open-tokens.ts'
import type { Identified, UsagePool } from '../../lib/usage-pool.ts'
import type { GivenTasks } from '../../mcp/handles/given-tasks.ts'
import type { IntrospectionMethod, KeptIntrospection } from '../../oauth/introspection-sources.ts'
import type { IssuerKeys } from '../../oauth/jwks.ts'
import type { KeyPlace } from '../../oauth/key-sources.ts'
import type { Secrets } from '../../values/secrets.ts'
import type { UpstreamDependencies } from './upstream.ts'

/** Everything that a snapshot is built with, apart from its configuration. All of it outlives the snapshots. */
export interface BuildDependencies extends Pick<UpstreamDependencies, 'pools' | 'tokens' | 'log'> {
  /** Signing keys of the issuers of tokens. */
  readonly issuerKeys: UsagePool<IssuerKeys>
  /** Starts to fetch the signing keys of the issuer of an auth method. */
  fetchKeys(this: void, place: KeyPlace): IssuerKeys
  /** Answers of issuers about tokens. */
  readonly introspections: UsagePool<KeptIntrospection>
  /** Prepares to ask the issuer of an auth method about tokens. */
  introspect(this: void, method: IntrospectionMethod, secrets: Secrets): Identified<KeptIntrospection>
  /** Results of trying secrets against `argon2id:` hashes. */
  readonly slowHashes: UsagePool<SlowHash>
  readonly argon2Queue: Argon2Queue
  /** Tokens that streams depend on. */
  readonly openTokens: OpenTokens
  /** Replaces an absent `sessions.secret`. */
  readonly sessionSecret: Buffer
  /** Tasks that principals were given. */
  readonly givenTasks: GivenTasks
}
