import { policies } from '../../../policies/index.ts'
import { audiencesOf } from '../../auth/token/audiences.ts'
import type { HeadOptions } from '../../../policies/policy.ts'
import type { AuthMethod, Proxy } from '../../../schema/config.ts'
import type { Decisions } from '../../access/decision-cache.ts'
import { compileAccess } from '../../access/rules.ts'
import { describeResource, type ProtectedResource } from '../../auth/resource.ts'
import type { Settings } from '../../config/static-fields.ts'
import type { ServedProxy, Upstream } from '../../http/exchange/snapshot.ts'
import { createParamAnnotations } from '../../mcp/param-annotations.ts'
import { takesTokens } from '../../values/auth-type.ts'
import { endpointPath } from '../../values/endpoint-path.ts'
import { parseSize, parseWait } from '../../values/units.ts'
import type { MakeAuthenticators } from './authenticators.ts'

/** Compiles a proxy. */
export function serveProxy(
  name: string,
  proxy: Proxy,
  config: Settings,
  makeAuthenticators: MakeAuthenticators,
  upstream: Upstream,
  decisions: Decisions,
): ServedProxy {
  const access = compileAccess(name, proxy, config.roles, decisions)
  const methods = proxy.auth === 'none' ? [] : proxy.auth
  const ownAudiences = audiencesOf(endpointPath(name, proxy), config.listen.publicUrl)
  const resource = resourceOf(proxy, config, endpointPath(name, proxy))
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
    allowedHeaders: config.listen.allowedHeaders.map(header => header.toLowerCase()),
    maxBody: parseSize(proxy.maxBody),
    keepAlive: parseWait(proxy.keepAlive),
  }
}

/** Composes the policies of the head stage, in the order of the array. */
function composeHead(options: HeadOptions): ServedProxy['checkHead'] {
  const steps = policies.flatMap(policy => (policy.stage === 'head' ? (policy.create(options) ?? []) : []))
  return head => {
    for (const step of steps) step(head)
  }
}

/** Returns the proxy under its path with a slash at the end, which users type and clients add: its metadata says that path. */
export function withSlash(served: ServedProxy, proxy: Proxy, config: Settings): ServedProxy {
  if (served.resource === undefined) return served
  return { ...served, resource: resourceOf(proxy, config, `${endpointPath(served.name, proxy)}/`) }
}

/** Returns the metadata of a proxy that accepts an `oauth` method. */
function resourceOf(proxy: Proxy, { auth, listen }: Settings, path: string): ProtectedResource | undefined {
  const methods = proxy.auth === 'none' ? [] : proxy.auth.map(method => auth[method]!)
  const issuers = methods.flatMap(method => (method.type === 'oauth' ? [method.issuer] : []))
  if (issuers.length === 0 || listen.publicUrl === undefined) return undefined
  const { required = [] } = proxy.scopes ?? {}
  return describeResource(listen.publicUrl, path, issuers, required, proxy.description)
}

/** Returns what identifies an auth method. Its grants are not part of it: each stream is judged by them again. */
function identityOf(name: string, method: AuthMethod, ownAudiences: readonly string[]): unknown {
  const identity = { ...method, grants: undefined }
  return takesTokens(method) ? [name, identity, method.audiences ?? ownAudiences] : [name, identity]
}
