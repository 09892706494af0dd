import { setImmediate as nextTurn } from 'node:timers/promises'
import type { ListenTls } from '../../../schema/config.ts'
import { createDecisions } from '../../access/decision-cache.ts'
import { noRevocations } from '../../auth/revocations.ts'
import { createTrust } from '../../auth/trust.ts'
import { secretsOf, settingsOf, type Handover } from '../../config/handover.ts'
import type { Settings } from '../../config/static-fields.ts'
import type { ServedProxy, Snapshot } from '../../http/exchange/snapshot.ts'
import { createLeases, type Hold } from '../../lib/usage-pool.ts'
import { createSeals } from '../../mcp/handles/seal.ts'
import { secureContextOptions, type TlsTexts } from '../../values/pki/pem.ts'
import type { Secrets } from '../../values/secrets.ts'
import { endpointPath } from '../../values/endpoint-path.ts'
import { authenticatorsWith, credentialHeadersOf, type AuthenticatorParts } from './authenticators.ts'
import type { BuildDependencies } from './dependencies.ts'
import { buildKeyring } from './keys.ts'
import { serveProxy, withSlash } from './proxy.ts'
import { makeUpstream } from './upstream.ts'

/** A snapshot that can be retired: what it holds is released when the last request has left it. */
export interface BuiltSnapshot extends Snapshot {
  readonly settings: Settings
  retire(): void
}

/** Number of proxies that are compiled in one turn of the event loop. */
const proxiesPerTurn = 20

/**
 * Compiles a configuration, in small pieces between which requests are served. Nothing is in force yet. If this rejects,
 * what the snapshot held is released.
 */
export async function buildSnapshot(
  handover: Handover,
  dependencies: BuildDependencies,
): Promise<BuiltSnapshot> {
  const leases = createLeases()
  try {
    const { hold, retain, release } = leases
    return { ...(await build(handover, hold, dependencies)), retain, release, retire: release }
  } catch (error) {
    leases.release()
    throw error
  }
}

async function build(
  handover: Handover,
  hold: Hold,
  dependencies: BuildDependencies,
): Promise<Omit<BuiltSnapshot, 'retain' | 'release' | 'retire'>> {
  const settings = settingsOf(handover)
  const secrets = secretsOf(handover)
  const tls = settings.listen.tls && tlsTexts(settings.listen.tls, secrets)
  const clientTrust = tls?.clientCa === undefined ? undefined : createTrust(tls.clientCa, tls.crl)
  const pepper = settings.pepper && secrets(settings.pepper)
  const keyring = await buildKeyring(handover, clientTrust, pepper, hold, dependencies)
  const parts = { config: settings, secrets, keyring, clientTrust, hold, dependencies }
  const { secret } = settings.sessions ?? {}
  return {
    revision: handover.revision,
    settings,
    ...(await buildProxies(parts)),
    revocations: noRevocations,
    tls: tls && secureContextOptions(tls),
    seals: createSeals(secret === undefined ? dependencies.sessionSecret : secrets(secret)),
    givenTasks: dependencies.givenTasks,
    route: ({ upstream }) => upstream,
  }
}

async function buildProxies(
  parts: AuthenticatorParts,
): Promise<Pick<Snapshot, 'proxiesByPath' | 'proxiesByMetadataPath' | 'proxiesByName'>> {
  const { config, secrets, hold, dependencies } = parts
  const makeAuthenticators = authenticatorsWith(parts)
  const credentialHeaders = credentialHeadersOf(config)
  const upstreamDependencies = { ...dependencies, secrets, allowedHosts: config.outbound.allowedHosts }
  const decisions = createDecisions()
  const proxiesByPath = new Map<string, ServedProxy>()
  const proxiesByMetadataPath = new Map<string, ServedProxy>()
  const proxiesByName = new Map<string, ServedProxy>()
  for (const [index, [name, proxy]] of Object.entries(config.proxies).entries()) {
    if (index % proxiesPerTurn === proxiesPerTurn - 1) await nextTurn()
    const upstream = makeUpstream(proxy, credentialHeaders, hold, upstreamDependencies)
    const served = serveProxy(name, proxy, config, makeAuthenticators, upstream, decisions)
    proxiesByName.set(name, served)
    const path = endpointPath(name, proxy)
    const spellings = path === '/' ? [served] : [served, withSlash(served, proxy, config)]
    for (const [slashes, spelling] of spellings.entries()) {
      proxiesByPath.set(path + '/'.repeat(slashes), spelling)
      if (spelling.resource !== undefined) proxiesByMetadataPath.set(spelling.resource.metadataPath, spelling)
    }
  }
  return { proxiesByPath, proxiesByMetadataPath, proxiesByName }
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
