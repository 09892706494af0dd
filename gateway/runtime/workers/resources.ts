import { createArgon2Queue } from '../../auth/api-key/argon2-queue.ts'
import type { SlowHash } from '../../auth/api-key/slow-hashes.ts'
import { createOpenTokens } from '../../auth/token/open-tokens.ts'
import { createUsagePool } from '../../lib/usage-pool.ts'
import { introspectWith, type KeptIntrospection } from '../../oauth/introspection-sources.ts'
import type { IssuerKeys } from '../../oauth/jwks.ts'
import { fetchKeysWith } from '../../oauth/key-sources.ts'
import type { KeptTokens } from '../../oauth/tokens.ts'
import type { Log } from '../../observe/log.ts'
import type { Counters } from '../../observe/metrics.ts'
import type { BuildDependencies } from '../build/dependencies.ts'
import type { Connections } from '../build/upstream-connections.ts'

/** Resources that outlive the snapshots that use them. */
export type Resources = Omit<BuildDependencies, 'log' | 'sessionSecret' | 'givenTasks'>

/**
 * Makes the pools that snapshots take connections, signing keys and tokens from.
 *
 * @param onKeysFetched called when the signing keys of an issuer were fetched: they may have changed
 */
export function createResources(log: Log, metrics: Counters, onKeysFetched: () => void): Resources {
  return {
    pools: createUsagePool<Connections>(connections => connections.close()),
    issuerKeys: createUsagePool<IssuerKeys>(keys => keys.close()),
    tokens: createUsagePool<KeptTokens>(kept => kept.close()),
    introspections: createUsagePool<KeptIntrospection>(kept => kept.close()),
    slowHashes: createUsagePool<SlowHash>(() => {}),
    argon2Queue: createArgon2Queue(),
    openTokens: createOpenTokens(),
    fetchKeys: fetchKeysWith(log, metrics, onKeysFetched),
    introspect: introspectWith(log, metrics),
  }
}
