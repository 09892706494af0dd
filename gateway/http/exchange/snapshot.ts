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

/** The compiled, immutable form of one revision. A request takes one on arrival and keeps it to its end. */
export interface Snapshot {
  readonly revision: string
  /** By path, for requests; matched exactly. */
  readonly proxiesByPath: ReadonlyMap<string, ServedProxy>
  /** By the path of their metadata, for those that publish it. */
  readonly proxiesByMetadataPath: ReadonlyMap<string, ServedProxy>
  /** By name, for what is told from one snapshot to the next. */
  readonly proxiesByName: ReadonlyMap<string, ServedProxy>
  readonly seals: Seals
  readonly givenTasks: GivenTasks
  /** What is refused whatever this revision says; others may come while it is in force, in another snapshot of it. */
  readonly revocations: Revocations
  /** What TLS is served with; undefined where plain HTTP is. */
  readonly tls: SecureContextOptions | undefined
  /** Returns where an operation on a proxy goes; undefined for a request that names none. */
  route(this: void, proxy: ServedProxy, operation: Operation | undefined): Upstream
  /** Counts a request in; what the snapshot holds is kept until it is counted out. */
  retain(): void
  release(): void
}

/** One proxy with its chain of policies, composed at load. */
export interface ServedProxy {
  readonly name: string
  readonly access: ProxyAccess
  /** What clients are told of how to get a token; undefined without an `oauth` method. */
  readonly resource: ProtectedResource | undefined
  /** The names of its auth methods with what they are made of, to tell whether they changed. */
  readonly authIdentity: string
  readonly authenticators: readonly Authenticator[]
  checkHead(this: void, head: RequestHead): void
  readonly upstream: Upstream
  /** Which arguments of its tools are mirrored in headers. */
  readonly params: ParamAnnotations
  /** Bytes. */
  readonly maxBody: number
  /** Milliseconds of silence on a stream before a comment is written. */
  readonly keepAlive: number
}

/** A call to an upstream, as what decorates a client sees it. */
export interface ForwardedCall extends UpstreamCall {
  /** On whose behalf it is made; undefined where the caller presented no access token. */
  readonly subject: Subject | undefined
}

/** Sends calls to an upstream. Decorators of one are of the same type: `withToken(client, …)`. */
export interface UpstreamClient {
  /** Never throws once the handler was shown its controller. */
  dispatch(call: ForwardedCall, handler: Dispatcher.DispatchHandler): unknown
}

/** Where a proxy forwards to, and how. */
export interface Upstream {
  /** Everything that makes it this upstream; open streams end when it changes. */
  readonly identity: string
  /** What sends a call: a client, with what decorates it. */
  readonly client: UpstreamClient
  /** Path and query of the endpoint. */
  readonly path: string
  /** What goes with every request, the configured headers among it, as name-value pairs. */
  readonly headers: readonly (readonly [string, string])[]
  /** Which request headers are forwarded: no credential is, nor what `headers` replaces. */
  readonly headerFilter: HeaderFilter
  /** How the upstream is told who called; undefined where it is not. */
  readonly caller: CallerHeaders | undefined
  /** Milliseconds. */
  readonly responseTimeout: number
  readonly idleTimeout: number
}
