import type { ServerResponse } from 'node:http'
import type { Principal } from '../../auth/principal.ts'
import { hasModernHeader, type Era } from '../../mcp/era.ts'
import type { RequestHead } from '../../auth/request-head.ts'
import { errorMessage, errorText, Refusal, statusOf, type ErrorContext } from '../../mcp/errors.ts'
import { rowOf } from '../../mcp/refusal-table.ts'
import type { Operation } from '../../mcp/operation.ts'
import type { BodyRequest } from './body.ts'
import { corsHeaders } from './cors.ts'
import { atEndOfTurn } from '../../lib/end-of-turn.ts'
import { newRequestId } from './request-id.ts'
import type { ResponsePlan } from './response-plan.ts'
import type { ServedProxy, Snapshot } from './snapshot.ts'
import { wwwAuthenticate } from './www-authenticate.ts'
import type { Share } from './usage.ts'
import type { Subject } from './tokens.ts'

/** One request and its response, with everything that the stages found; the log line is made from it. */
export interface Exchange {
  readonly id: string
  readonly startedAt: number
  readonly request: BodyRequest
  readonly response: ServerResponse
  /** The snapshot that decides; replaced if the revision changes while a stage waits. */
  snapshot: Snapshot
  head: RequestHead | undefined
  proxy: ServedProxy | undefined
  principal: Principal | undefined
  /** The auth method that vouched for the principal. */
  method: string | undefined
  /** The access token that authenticated the principal, if it was one. */
  subject: Subject | undefined
  era: Era | undefined
  /** The operation of the message; the first one of a batch or a subscription. */
  operation: Operation | undefined
  /** Number of operations that were decided. */
  operations: number
  /** Total length of their names, in UTF-16 code units. */
  named: number
  /** The operations of a batch, in order. */
  batched: Operation[] | undefined
  /** The rule that decided, as a JSON pointer. */
  rule: string | undefined
  refusal: Refusal | undefined
  /** Whether the request was allowed and sent upstream. */
  forwarded: boolean
  /** Ids of the requests in the body, as JSON text. */
  readonly requestIds: string[]
  /** The refusal that waits while its body is read for the id of the request. */
  awaitingId: Refusal | undefined
  /** Whether the messages of the body were read, so that `requestIds` is complete. */
  isRead: boolean
  batch: boolean
  /** Whether the Origin is allowed, so that the response may say so. */
  originAllowed: boolean
  /** Whether it began when the gateway was stopping. */
  isTooLate: boolean
  /** Whether the response has ended or the client has left. */
  isOver: boolean
  /** Share of this exchange in the counts of its principal and proxy. */
  share: Share | undefined
  /** The body, from when it was read until it is sent. */
  body: Buffer | undefined
  /** How the response is treated; set from the decision until the request is sent. */
  plan: ResponsePlan | undefined
  /** The upstream's id of the task that the message is about. */
  taskId: string | undefined
  /** What its stages hold, released when it ends. */
  readonly releases: Releasable[]
  /** The relay of the response, if there is one. */
  relay: { onClose(): void; probe(hasEnded: boolean): void } | undefined
}

/** Something that a stage holds until the exchange ends. */
export interface Releasable {
  release(): void
}

/** An exchange whose proxy is known. */
export interface RoutedExchange extends Exchange {
  head: RequestHead
  proxy: ServedProxy
}

/** An exchange whose principal is known. */
export interface AuthenticatedExchange extends RoutedExchange {
  principal: Principal
}

/** An exchange that is counted in, whose principal may use the proxy. */
export interface AdmittedExchange extends AuthenticatedExchange {
  share: Share
}

/** An exchange whose operations are allowed. */
export interface AuthorizedExchange extends AdmittedExchange {
  plan: ResponsePlan
}

const drainable = 64 * 1024
const drainTime = 1000
const plainText = 'text/plain; charset=utf-8'

/** Begins an exchange on the snapshot in force. */
export function openExchange(request: BodyRequest, response: ServerResponse, snapshot: Snapshot): Exchange {
  return {
    id: newRequestId(),
    startedAt: performance.now(),
    request,
    response,
    snapshot,
    head: undefined,
    proxy: undefined,
    principal: undefined,
    method: undefined,
    subject: undefined,
    era: undefined,
    operation: undefined,
    operations: 0,
    named: 0,
    batched: undefined,
    rule: undefined,
    refusal: undefined,
    forwarded: false,
    requestIds: [],
    awaitingId: undefined,
    isRead: false,
    batch: false,
    originAllowed: false,
    isTooLate: false,
    isOver: false,
    share: undefined,
    body: undefined,
    plan: undefined,
    taskId: undefined,
    releases: [],
    relay: undefined,
  }
}

/** Moves an exchange to another snapshot and forgets its principal, so that it can be decided again. */
export function startOver(exchange: Exchange, snapshot: Snapshot): void {
  // An exchange that is over has released its snapshot already.
  if (exchange.isOver) return
  snapshot.retain()
  exchange.snapshot.release()
  releaseAll(exchange)
  exchange.snapshot = snapshot
  exchange.proxy = undefined
  exchange.principal = undefined
  exchange.method = undefined
  exchange.subject = undefined
  exchange.rule = undefined
  exchange.originAllowed = false
}

/** Keeps what a stage holds until the exchange ends; releases it at once if that was while the stage waited. */
export function keepUntilEnd(exchange: Exchange, held: Releasable): void {
  if (exchange.isOver) held.release()
  else exchange.releases.push(held)
}

/** Releases everything that the stages of an exchange hold, the latest first. */
export function releaseAll(exchange: Exchange): void {
  for (let held = exchange.releases.pop(); held !== undefined; held = exchange.releases.pop()) held.release()
  exchange.share = undefined
}

const noHeaders = Object.freeze({})
const noRawHeaders: string[] = []

/** Drops request headers and listeners: a response that has begun no longer needs them, and streams may be thousands. */
export function forgetHead({ request, response, rule }: Exchange): void {
  request.headers = noHeaders
  request.rawHeaders = noRawHeaders
  request.removeAllListeners()
  // Flattens strings that V8 keeps as pieces; Node keeps that of the response head.
  const { _header: head } = response as ServerResponse & { readonly _header?: unknown }
  for (const text of [rule, head]) if (typeof text === 'string') text.charCodeAt(0)
}

/** Returns the headers of every response of this exchange. */
export function commonHeaders(exchange: Exchange): Record<string, string> {
  return exchange.originAllowed ? corsHeaders(exchange.request.headers) : {}
}

/** Returns the members of `data` in every error of this exchange. Only authenticated callers get the revision. */
export function errorContext({ id, principal, snapshot }: Exchange): ErrorContext {
  const isKnown = principal !== undefined && principal.kind !== 'anonymous'
  return { requestId: id, revision: isKnown ? snapshot.revision : undefined }
}

/** Returns a refusal as a JSON-RPC error, or as an array of errors for a batch; undefined if the id is unknown. */
function refusalBody(exchange: Exchange, refusal: Refusal): string | undefined {
  if (rowOf(refusal.reason).withoutId === true) return undefined
  const context = errorContext(exchange)
  const { requestIds, isRead } = exchange
  if (!exchange.batch || requestIds.length === 0) {
    // A response that the client sends has the id of a request that is not its own.
    const id = isRead ? requestIds[0] : (requestIds[0] ?? refusal.id)
    return id === undefined ? undefined : errorMessage(refusal, id, context)
  }
  const other = new Refusal('batch_undone')
  const errors = requestIds.map(id => errorMessage(refusal.id === id ? refusal : other, id, context))
  return `[${errors.join(',')}]`
}

/**
 * Returns whether a refused message gets no error: nobody waits for the response to a notification or a response, and some
 * clients take any error for the end of the session. An error that is in the message itself is returned (MCP 2025-11-25,
 * Streamable HTTP, Sending Messages to the Server).
 */
function isWithoutAnswer({ isRead, era }: Exchange, { reason }: Refusal): boolean {
  return isRead && reason !== 'params_invalid' && statusOf(reason, era) === 200
}

/** Returns status, headers and body of an error; its status is that of the call if the id of the call is known. */
function errorResponse(
  exchange: Exchange,
  refusal: Refusal,
  message: string | undefined,
): { status: number; headers: string[]; body: string } {
  const { request, proxy } = exchange
  const headers = listed(commonHeaders(exchange), refusal.headers)
  const challenges = proxy && wwwAuthenticate(proxy, refusal)
  if (challenges !== undefined) headers.push('www-authenticate', challenges)
  const body = message ?? errorText(refusal, errorContext(exchange))
  if (message === undefined) headers.push('content-type', plainText, 'x-content-type-options', 'nosniff')
  else headers.push('content-type', 'application/json')
  headers.push('content-length', String(Buffer.byteLength(body)))
  const era = exchange.era ?? (hasModernHeader(request.headers) ? 'modern' : 'legacy')
  return { status: message === undefined ? refusal.status : statusOf(refusal.reason, era), headers, body }
}

/** Sends an error; if a response has begun, closes the connection instead, so that it does not look complete. */
export function refuse(exchange: Exchange, refusal: Refusal): void {
  const { request, response } = exchange
  exchange.refusal ??= refusal
  if (response.headersSent) {
    response.destroy()
    return
  }
  const message = refusalBody(exchange, refusal)
  if (message === undefined && isWithoutAnswer(exchange, refusal)) {
    reply(exchange, 202, {})
    return
  }
  const { status, headers, body } = errorResponse(exchange, refusal, message)
  const endsAtOnce = request.complete || Number(request.headers['content-length'] ?? Infinity) <= drainable
  if (!endsAtOnce) headers.push('connection', 'close')
  response.writeHead(status, headers)
  // Later requests on this connection are not served.
  if (!endsAtOnce || refusal.headers['connection'] === 'close') response.shouldKeepAlive = false
  if (endsAtOnce) {
    atEndOfTurn(() => response.end(body))
    return
  }
  // The client may still be sending. Closing now would reset the connection before it reads the response, so
  // incoming bytes are discarded for a moment first.
  response.write(body)
  const close = (): void => {
    clearTimeout(timer)
    response.end()
  }
  const timer = setTimeout(close, drainTime)
  request.once('end', close).once('close', close).resume()
}

/** Sends a complete response. */
export function reply(exchange: Exchange, status: number, headers: Record<string, string>, body = ''): void {
  const all = listed({ ...commonHeaders(exchange), ...headers })
  if (status !== 204) all.push('content-length', String(Buffer.byteLength(body)))
  exchange.response.writeHead(status, all)
  exchange.response.end(body)
}

/** Returns names and values of headers in turn, which node:http takes at the least cost. */
function listed(...sets: readonly Readonly<Record<string, string>>[]): string[] {
  const list: string[] = []
  for (const headers of sets) for (const name in headers) list.push(name, headers[name]!)
  return list
}
