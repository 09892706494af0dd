import { setImmediate as nextTurn } from 'node:timers/promises'
import { policies } from '../../../policies/index.ts'
import type { AuthMethod, ListenTls, Proxy } from '../../../schema/config.ts'
import { createKeyring } from '../../auth/api-key/keyring.ts'
import type { Authenticator, HeadOptions, IdentityPolicy } from '../../../policies/policy.ts'
import { describeResource, type ProtectedResource } from '../../auth/resource.ts'
import { noRevocations } from '../../auth/revocations.ts'
import { createDecisions, type Decisions } from '../../access/decision-cache.ts'
import { compileAccess } from '../../access/rules.ts'
import { fixedKeys } from '../../auth/token/token-keys.ts'
import {
  createSlowHash,
  createSlowSearch,
  slowHashesOf,
  type SlowHash,
} from '../../auth/api-key/slow-hashes.ts'
import type { Argon2Queue } from '../../auth/api-key/argon2-queue.ts'
import type { OpenTokens } from '../../auth/token/open-tokens.ts'
import { createTrust } from '../../auth/trust.ts'
import { takesTokens } from '../../values/auth-type.ts'
import { endpointPath } from '../../values/endpoint-path.ts'
import { keysOf, secretsOf, settingsOf, type Handover } from '../../config/handover.ts'
import type { Secrets } from '../../values/secrets.ts'
import type { Settings } from '../../config/static-fields.ts'
import { secureContextOptions, type TlsTexts } from '../../values/pki/pem.ts'
import { parseWait, parseSize } from '../../values/units.ts'
import type { ServedProxy, Snapshot, Upstream } from '../../http/exchange/snapshot.ts'
import type { GivenTasks } from '../../mcp/handles/given-tasks.ts'
import { createParamAnnotations } from '../../mcp/param-annotations.ts'
import { createSeals } from '../../mcp/handles/seal.ts'
import type { IssuerKeys } from '../../oauth/jwks.ts'
import type { IntrospectionMethod, KeptIntrospection } from '../../oauth/introspection-sources.ts'
import type { KeyPlace } from '../../oauth/key-sources.ts'
import type { Hold, Identified, Lease, UsagePool } from '../../lib/usage-pool.ts'
import { makeUpstream, type UpstreamDependencies } from './upstream.ts'

/** A snapshot that can be taken out of service: what it holds goes when the last request has left it. */
export interface BuiltSnapshot extends Snapshot {
  readonly settings: Settings
  retire(): void
}

/** What a snapshot is built with beside its configuration. */
export interface BuildDependencies extends Pick<UpstreamDependencies, 'pools' | 'tokens' | 'log'> {
  /** Keys of the issuers of tokens; they outlive the snapshots that use them, as connections do. */
  readonly issuerKeys: UsagePool<IssuerKeys>
  /** Begins to fetch the keys of an issuer for the auth method of this name. */
  fetchKeys(this: void, place: KeyPlace): IssuerKeys
  /** What issuers said of tokens; kept in the same way. */
  readonly introspections: UsagePool<KeptIntrospection>
  /** Prepares to ask the issuer of an auth method about tokens. */
  introspect(this: void, method: IntrospectionMethod, secrets: Secrets): Identified<KeptIntrospection>
  /** What is known of `argon2id:` hashes; where secrets are tried against them. Both outlive the snapshots, too. */
  readonly slowHashes: UsagePool<SlowHash>
  readonly argon2Queue: Argon2Queue
  /** What is open on tokens; it outlives them, too. */
  readonly openTokens: OpenTokens
  /** Stands in where `sessions.secret` is absent. */
  readonly sessionSecret: Buffer
  /** The tasks that principals were given; they outlive the snapshots. */
  readonly givenTasks: GivenTasks
}

/** Proxies that are compiled in one turn of the event loop. */
const proxiesTogether = 20

/**
 * Compiles a checked configuration, in small pieces between which requests are served. Nothing is in force yet; if this
 * rejects, what it took is given back.
 */
export async function buildSnapshot(
  checked: Handover,
  dependencies: BuildDependencies,
): Promise<BuiltSnapshot> {
  const { revision } = checked
  const config = settingsOf(checked)
  const secrets = secretsOf(checked)
  const leases: Lease<unknown>[] = []
  const letGo = (): void => leases.splice(0).forEach(lease => lease.release())
  const hold: Hold = lease => {
    leases.push(lease)
    return lease.value
  }
  try {
    const { allowedHosts } = config.outbound
    const tls = config.listen.tls && tlsTexts(config.listen.tls, secrets)
    const clientTrust = tls?.clientCa === undefined ? undefined : createTrust(tls.clientCa, tls.crl)
    const slow: SlowHash[] = []
    const search = createSlowSearch(slow, dependencies.argon2Queue)
    const keyring = createKeyring(clientTrust, config.pepper && secrets(config.pepper), search)
    for (const text of checked.keys) {
      const keys = keysOf(text)
      keyring.add(keys)
      for (const hash of slowHashesOf(keys)) {
        slow.push(hold(dependencies.slowHashes.acquire(hash, () => createSlowHash(hash))))
      }
      await nextTurn()
    }
    const makeAuthenticators: MakeAuthenticators = (names, ownAudiences) =>
      names.map(name => {
        const method = config.auth[name]!
        return policyOf(method).create(method, {
          name,
          keyring,
          secrets,
          clientTrust,
          openTokens: dependencies.openTokens,
          ownAudiences,
          tokenKeys({ issuer, jwks }) {
            if (jwks?.file !== undefined) return fixedKeys(secrets(jwks))
            const place = { method: name, issuer, url: jwks?.url, allowedHosts }
            const fetchKeys = (): IssuerKeys => dependencies.fetchKeys(place)
            return hold(dependencies.issuerKeys.acquire(JSON.stringify(place), fetchKeys))
          },
          introspection({ issuer, introspection: options }) {
            if (options === undefined) return undefined
            const asked = dependencies.introspect({ method: name, issuer, options, allowedHosts }, secrets)
            return hold(dependencies.introspections.acquire(asked.identity, asked.create))
          },
        })
      })
    // Also of methods that no proxy accepts: their credentials are nothing for an upstream either.
    const credentialHeaders = Object.values(config.auth).map(method => policyOf(method).header(method))
    const upstreamDependencies = { ...dependencies, secrets, allowedHosts }
    const decisions = createDecisions()
    const proxiesByPath = new Map<string, ServedProxy>()
    const proxiesByMetadataPath = new Map<string, ServedProxy>()
    const proxiesByName = new Map<string, ServedProxy>()
    for (const [index, [name, proxy]] of Object.entries(config.proxies).entries()) {
      if (index % proxiesTogether === proxiesTogether - 1) await nextTurn()
      const upstream = makeUpstream(proxy, credentialHeaders, hold, upstreamDependencies)
      const served = serveProxy(name, proxy, config, makeAuthenticators, upstream, decisions)
      proxiesByName.set(name, served)
      proxiesByPath.set(endpointPath(name, proxy), served)
      if (served.resource !== undefined) proxiesByMetadataPath.set(served.resource.metadataPath, served)
    }
    const { secret } = config.sessions ?? {}
    let users = 1
    const release = (): void => {
      if (--users === 0) letGo()
    }
    return {
      revision,
      settings: config,
      proxiesByPath,
      proxiesByMetadataPath,
      proxiesByName,
      revocations: noRevocations,
      tls: tls && secureContextOptions(tls),
      seals: createSeals(secret === undefined ? dependencies.sessionSecret : secrets(secret)),
      givenTasks: dependencies.givenTasks,
      route: ({ upstream }) => upstream,
      retain: () => void users++,
      release,
      retire: release,
    }
  } catch (error) {
    letGo()
    throw error
  }
}

type MakeAuthenticators = (names: readonly string[], ownAudiences: readonly string[]) => Authenticator[]

function serveProxy(
  name: string,
  proxy: Proxy,
  config: Settings,
  makeAuthenticators: MakeAuthenticators,
  upstream: Upstream,
  decisions: Decisions,
): ServedProxy {
  const access = compileAccess(name, proxy, config.roles, decisions)
  const methods = proxy.auth === 'none' ? [] : proxy.auth
  const ownAudiences = audiencesOf(endpointPath(name, proxy), config.listen)
  const resource = resourceOf(name, proxy, config)
  return {
    name,
    access,
    resource,
    authIdentity: JSON.stringify(
      methods.map(method => identityOf(method, config.auth[method]!, ownAudiences)),
    ),
    authenticators: makeAuthenticators(methods, ownAudiences),
    checkHead: composeHead({ listen: config.listen, proxy, name }),
    upstream,
    params: createParamAnnotations(),
    maxBody: parseSize(proxy.maxBody),
    keepAlive: parseWait(proxy.keepAlive),
  }
}

/** Composes every policy that looks at heads, in the order of the array. */
function composeHead(options: HeadOptions): ServedProxy['checkHead'] {
  const steps = policies.flatMap(policy => (policy.stage === 'head' ? (policy.create(options) ?? []) : []))
  return head => {
    for (const step of steps) step(head)
  }
}

/** How a token may name a proxy: by its public URL; where that is a whole host, with and without the slash. */
function audiencesOf(path: string, { publicUrl }: Settings['listen']): string[] {
  if (publicUrl === undefined) return []
  return path === '/' ? [publicUrl, `${publicUrl}/`] : [publicUrl + path]
}

/** What a proxy that accepts an `oauth` method tells of itself. */
function resourceOf(name: string, proxy: Proxy, { auth, listen }: Settings): ProtectedResource | undefined {
  const methods = proxy.auth === 'none' ? [] : proxy.auth.map(method => auth[method]!)
  const issuers = methods.flatMap(method => (method.type === 'oauth' ? [method.issuer] : []))
  if (issuers.length === 0 || listen.publicUrl === undefined) return undefined
  const { required = [] } = proxy.scopes ?? {}
  return describeResource(listen.publicUrl, endpointPath(name, proxy), issuers, required, proxy.description)
}

/** What makes an auth method the one that it is. Whom it grants which roles is judged for each stream. */
function identityOf(name: string, method: AuthMethod, ownAudiences: readonly string[]): unknown {
  const identity = { ...method, grants: undefined }
  return takesTokens(method) ? [name, identity, method.audiences ?? ownAudiences] : [name, identity]
}

function tlsTexts({ cert, key, clientCa, crl, minVersion }: ListenTls, secrets: Secrets): TlsTexts {
  return {
    cert: secrets(cert),
    key: secrets(key),
    clientCa: clientCa && secrets(clientCa),
    crl: crl && secrets(crl),
    minVersion,
  }
}

function policyOf({ type }: AuthMethod): IdentityPolicy<AuthMethod> {
  const policy = policies.find(candidate => candidate.stage === 'identity' && candidate.kind === type)
  if (policy?.stage !== 'identity') throw new Error(`no policy for the auth method type ${type}`)
  return policy as IdentityPolicy<AuthMethod>
}
