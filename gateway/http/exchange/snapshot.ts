import type { SecureContextOptions } from 'node:tls'
import type { Dispatcher } from 'undici'
import type { Authenticator } from '../../../policies/policy.ts'
import type { RequestHead } from '../../auth/request-head.ts'
import type { ProtectedResource } from '../../auth/resource.ts'
import type { Revocations } from '../../auth/revocations.ts'
import type { ProxyAccess } from '../../access/rules.ts'
import type { GivenTasks } from '../../mcp/handles/given-tasks.ts'
import type { Operation } from '../../mcp/operation.ts'
import type { ParamAnnotations } from '../../mcp/param-annotations.ts'
import type { Seals } from '../../mcp/handles/seal.ts'
import type { CallerHeaders } from './caller.ts'
import type { HeaderFilter } from './headers.ts'
import type { UpstreamCall } from '../client/pool.ts'
import type { Subject } from './tokens.ts'

/** Compiled, immutable form of one revision. A request takes one on arrival and keeps it until it ends. */
export interface Snapshot {
  readonly revision: string
  /** Proxies by path, which is matched exactly, with and without a slash at the end. */
  readonly proxiesByPath: ReadonlyMap<string, ServedProxy>
  /** Proxies that publish metadata, by its path. */
  readonly proxiesByMetadataPath: ReadonlyMap<string, ServedProxy>
  /** Proxies by name, to find the same proxy in another snapshot. */
  readonly proxiesByName: ReadonlyMap<string, ServedProxy>
  readonly seals: Seals
  readonly givenTasks: GivenTasks
  /** Credentials that are refused whatever this revision says. New ones come in another snapshot of the same revision. */
  readonly revocations: Revocations
  /** TLS options of the listener; undefined for plain HTTP. */
  readonly tls: SecureContextOptions | undefined
  /** Returns the upstream of an operation on a proxy; the operation is undefined for a request without a message. */
  route(this: void, proxy: ServedProxy, operation: Operation | undefined): Upstream
  /** Counts a request in. What the snapshot holds is kept until every request has called `release`. */
  retain(): void
  release(): void
}

/** One proxy with its policies, composed at load. */
export interface ServedProxy {
  readonly name: string
  readonly access: ProxyAccess
  /** Metadata that tells clients how to get a token; undefined without an `oauth` method. */
  readonly resource: ProtectedResource | undefined
  /** Names and options of its auth methods, to detect a change. */
  readonly authIdentity: string
  readonly authenticators: readonly Authenticator[]
  checkHead(this: void, head: RequestHead): void
  readonly upstream: Upstream
  /** Arguments of its tools that are mirrored in headers. */
  readonly params: ParamAnnotations
  /** Lower-case names of further headers that web pages may send. */
  readonly allowedHeaders: readonly string[]
  /** Bytes. */
  readonly maxBody: number
  /** Milliseconds of silence on a stream before a comment is written. */
  readonly keepAlive: number
}

/** A call to an upstream, as decorators of a client see it. */
export interface ForwardedCall extends UpstreamCall {
  /** The caller's access token; undefined if the caller presented none. */
  readonly subject: Subject | undefined
}

/** Sends calls to an upstream. Decorators of one are of the same type: `withToken(client, …)`. */
export interface UpstreamClient {
  /** Never throws once the handler has its controller. */
  dispatch(call: ForwardedCall, handler: Dispatcher.DispatchHandler): unknown
}

/** Where a proxy forwards to, and how. */
export interface Upstream {
  /** Digest of everything that identifies it; open streams end when it changes. */
  readonly identity: string
  /** Client that sends calls, with its decorators. */
  readonly client: UpstreamClient
  /** Path and query of the endpoint. */
  readonly path: string
  /** Headers of every request, including the configured ones, as name-value pairs. */
  readonly headers: readonly (readonly [string, string])[]
  /** Filter for request headers: neither credentials nor names in `headers` are forwarded. */
  readonly headerFilter: HeaderFilter
  /** Headers that identify the caller; undefined if none do. */
  readonly caller: CallerHeaders | undefined
  /** Milliseconds. */
  readonly responseTimeout: number
  readonly idleTimeout: number
}
