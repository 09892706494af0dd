import { createHash } from 'node:crypto'
import { Pool, type Dispatcher } from 'undici'
import { policies } from '../../policies/index.ts'
import type { AuthMethod, Config, Proxy } from '../../schema/config.ts'
import { createKeyring, type Keyring } from '../access/keyring.ts'
import type { Authenticator, OperationStep } from '../access/policy.ts'
import { compileAccess, type ProxyAccess } from '../access/rules.ts'
import { endpointPath } from '../config/check-proxies.ts'
import type { Loaded } from '../config/load.ts'
import { parseDuration, parseSize } from '../config/units.ts'
import { withheldFromUpstream } from '../http/headers.ts'
import type { ServedProxy, Snapshot, Upstream } from '../http/snapshot.ts'
import { createSessionBinding } from '../mcp/session.ts'
import type { Lease, Shared } from './shared.ts'

/**
 * Milliseconds that an idle connection is kept to an upstream that does not say how long it keeps it itself.
 * Longer than some servers do, and calls would be sent into connections that are being closed.
 */
const keepAliveTimeout = 1500

/** A snapshot that can be taken out of service: what it holds goes when the last request has left it. */
export interface BuiltSnapshot extends Snapshot {
  retire(): void
}

/** What a snapshot is built with beside its configuration. */
export interface BuildDependencies {
  /** Connections to upstreams; they outlive the snapshots that use them. */
  readonly pools: Shared<Dispatcher>
  /** Stands in where `sessions.secret` is absent. */
  readonly sessionSecret: Buffer
}

/**
 * Compiles a checked configuration. Nothing is in force yet; if this throws, what it took is given back.
 */
export function buildSnapshot(
  { config, secrets, revision }: Loaded,
  dependencies: BuildDependencies,
): BuiltSnapshot {
  const leases: Lease<Dispatcher>[] = []
  const letGo = (): void => leases.splice(0).forEach(lease => lease.release())
  try {
    const keyring = createKeyring(config.keys)
    const credentialHeaders = authenticatorsOf(Object.keys(config.auth), config.auth, keyring).map(
      a => a.header,
    )
    const proxiesByPath = new Map<string, ServedProxy>()
    const proxiesByName = new Map<string, ServedProxy>()
    for (const [name, proxy] of Object.entries(config.proxies)) {
      const headers = Object.entries(proxy.upstream.headers).map(
        ([header, { value, ...reference }]) => [header, value ?? secrets(reference)] as const,
      )
      const lease = dependencies.pools.acquire(...poolFor(proxy))
      leases.push(lease)
      const served = serveProxy(
        name,
        proxy,
        config,
        keyring,
        upstreamOf(proxy, headers, lease.value, credentialHeaders),
      )
      proxiesByName.set(name, served)
      proxiesByPath.set(endpointPath(name, proxy), served)
    }
    const { secret } = config.sessions ?? {}
    let users = 1
    const release = (): void => {
      if (--users === 0) letGo()
    }
    return {
      revision,
      proxiesByPath,
      proxiesByName,
      sessions: createSessionBinding(secret === undefined ? dependencies.sessionSecret : secrets(secret)),
      retain: () => void users++,
      release,
      retire: release,
    }
  } catch (error) {
    letGo()
    throw error
  }
}

function serveProxy(
  name: string,
  proxy: Proxy,
  config: Config,
  keyring: Keyring,
  upstream: Upstream,
): ServedProxy {
  const access = compileAccess(name, proxy, config.roles)
  const methods = proxy.auth === 'none' ? [] : proxy.auth
  return {
    name,
    access,
    authIdentity: JSON.stringify(methods.map(method => [method, config.auth[method]])),
    authenticators: authenticatorsOf(methods, config.auth, keyring),
    checkHead: composeHead(config.listen),
    checkOperation: composeOperation(access),
    upstream,
    maxBody: parseSize(proxy.maxBody),
    keepAlive: parseDuration(proxy.keepAlive),
  }
}

/** Every policy that looks at heads, in the order of the array. */
function composeHead(listen: Config['listen']): ServedProxy['checkHead'] {
  const steps = policies.filter(policy => policy.stage === 'head').map(policy => policy.create(listen))
  return head => steps.forEach(step => step(head))
}

/** Every policy that judges operations, in the order of the array; the rule of the last one is the decision's. */
function composeOperation(access: ProxyAccess): OperationStep {
  const steps = policies.filter(policy => policy.stage === 'operation').map(policy => policy.create(access))
  return (principal, operation, id) => steps.reduce((_, step) => step(principal, operation, id), '')
}

function authenticatorsOf(
  names: readonly string[],
  methods: Readonly<Record<string, AuthMethod>>,
  keyring: Keyring,
): Authenticator[] {
  return names.map(name => {
    const method = methods[name]!
    const policy = policies.find(
      candidate => candidate.stage === 'identity' && candidate.kind === method.type,
    )
    if (policy?.stage !== 'identity') throw new Error(`no policy for the auth method type ${method.type}`)
    return policy.create(method, { name, keyring })
  })
}

/** The identity of the connections to an upstream, and how to make them. */
function poolFor({ upstream }: Proxy): [string, () => Dispatcher] {
  const { origin } = new URL(upstream.url)
  const timeout = parseDuration(upstream.timeout.connect)
  return [
    JSON.stringify([origin, timeout]),
    () =>
      new Pool(origin, {
        connections: null,
        pipelining: 1,
        allowH2: false,
        keepAliveTimeout,
        connect: { timeout },
      }),
  ]
}

function upstreamOf(
  { upstream }: Proxy,
  headers: readonly (readonly [string, string])[],
  dispatcher: Dispatcher,
  credentialHeaders: readonly string[],
): Upstream {
  const { pathname, search } = new URL(upstream.url)
  const configured = headers.map(([name]) => name.toLowerCase())
  return {
    identity: createHash('sha256')
      .update(JSON.stringify([upstream.url, headers]))
      .digest('hex'),
    dispatcher,
    path: pathname + search,
    headers: [['accept-encoding', 'identity'], ...headers],
    withheld: new Set([...withheldFromUpstream, ...credentialHeaders, ...configured]),
    responseTimeout: parseDuration(upstream.timeout.response),
    idleTimeout: parseDuration(upstream.timeout.idle),
  }
}
