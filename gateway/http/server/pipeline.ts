import type { IncomingMessage } from 'node:http'
import { seesEverything } from '../../access/decide.ts'
import type { RequestHead } from '../../auth/request-head.ts'
import { ownerOf, type Principal } from '../../auth/principal.ts'
import { isPlain } from '../../access/uri-variants.ts'
import { agreedEra, allowsBatch, claimedVersion, hasModernHeader } from '../../mcp/era.ts'
import { Refusal } from '../../mcp/errors.ts'
import { readMessages, type Message } from '../../mcp/message.ts'
import { checkParamHeaders } from '../../mcp/param-headers.ts'
import { idValue } from '../../mcp/lists.ts'
import type { ListMember } from '../../mcp/methods.ts'
import { listedBy, mayList, operationsOf } from '../../mcp/operation.ts'
import { authenticate } from './authenticate.ts'
import { checkSize, type BodyRequest } from '../exchange/body.ts'
import { callerHeaders } from '../exchange/caller.ts'
import { preflightHeaders } from '../exchange/cors.ts'
import { reply, startOver, type Exchange } from '../exchange/exchange.ts'
import type { ResponsePlan } from '../exchange/response-plan.ts'
import { forward } from '../relay/forward.ts'
import { handlesOfStream, judgeFor, nameTask, useHandles, type HandleUse } from '../exchange/handles.ts'
import { mediaType, upstreamHeaders } from '../exchange/headers.ts'
import { mayAnswerOpenList } from '../exchange/open-lists.ts'
import { peerCertificate } from './peer-certificate.ts'
import { memoize } from '../../lib/memoize.ts'
import { checkSingle } from './single-headers.ts'
import { serveMetadata } from './resource-metadata.ts'
import type { ServedProxy } from '../exchange/snapshot.ts'
import { hasExpired, type Streams } from '../exchange/streams.ts'
import { overloaded, type Share, type UsageCounts } from '../exchange/usage.ts'
import { checkNotNamed, checkWire } from './wire.ts'

const methods = 'POST, GET, DELETE, OPTIONS'
/** UTF-16 code units: to judge more at a stretch would hold up everybody else. */
const maxNamed = 131_072
const nothingExpected: ReadonlyMap<string, ListMember> = new Map()
/** Nothing else: two parsers may find two charsets in what only looks like one. */
const isJsonInUtf8 = memoize(type => /^application\/json(?:\s*;\s*charset="?utf-8"?)?\s*$/i.test(type))

/**
 * Serves one exchange, stop by stop: proxy, host and origin, credential, message, decision, upstream.
 *
 * @throws Refusal for whatever is refused before an answer began, and the caller writes it
 */
export async function serve(exchange: Exchange, streams: Streams, usage: UsageCounts): Promise<void> {
  const { request } = exchange
  checkWire(request)
  const { path, query } = readTarget(request.url)
  const head = readHead(request, query)
  let body: Buffer | undefined
  if (streams.current() !== exchange.snapshot) startOver(exchange, streams.current())
  // Once; and again, where the ground of the decision was taken away while something was waited for.
  for (;;) {
    const proxy = admit(exchange, path, head)
    if (proxy === undefined) return
    const found = authenticate(proxy, head, Date.now(), exchange.snapshot.revocations)
    // Waiting costs, even for what is there.
    const { principal, method, subject } = found instanceof Promise ? await found : found
    // It may have taken a while, and nobody would be told any more that the client left, or sent what cannot be read.
    if (exchange.isOver || exchange.response.destroyed || exchange.refusal !== undefined) return
    if (found instanceof Promise && isOutdated(exchange, streams, principal)) continue
    exchange.principal = principal
    exchange.method = method
    exchange.subject = subject
    const operation = { method: '', kind: 'other', preliminary: head.method === 'POST' } as const
    exchange.rule = proxy.checkOperation(principal, operation, undefined)
    checkAccept(request)
    exchange.share = usage.enter(proxy.name, principal)
    if (head.method === 'POST') {
      if (body === undefined) {
        body = await readJson(request, proxy, exchange.share)
        if (exchange.isOver || exchange.response.destroyed || exchange.refusal !== undefined) return
        if (isOutdated(exchange, streams, principal)) continue
      } else {
        checkSize(body, proxy.maxBody)
        if (!exchange.share.addBody(body.length)) throw overloaded('too many bytes of bodies are held')
      }
    }
    forwardJudged(exchange, streams, proxy, principal, body)
    return
  }
}

/**
 * Whether what a decision stands on may have gone: another revision is in force, or the credential has expired. Then the
 * exchange is made ready to be judged again.
 */
function isOutdated(exchange: Exchange, streams: Streams, principal: Principal): boolean {
  const snapshot = streams.current()
  if (snapshot === exchange.snapshot && !hasExpired(principal)) return false
  startOver(exchange, snapshot)
  return true
}

/**
 * Takes a request as far as its credential; returns the proxy, or undefined where it is answered already.
 *
 * @throws Refusal
 */
function admit(exchange: Exchange, path: string, head: RequestHead): ServedProxy | undefined {
  const { request } = exchange
  const described = exchange.snapshot.proxiesByMetadataPath.get(path)
  if (described?.resource !== undefined) {
    exchange.proxy = described
    serveMetadata(exchange, head, described, described.resource)
    return undefined
  }
  const proxy = findProxy(exchange, path)
  checkNotNamed(request.headers.connection, proxy.authenticators)
  proxy.checkHead(head)
  exchange.originAllowed = head.headers.origin !== undefined
  if (isPreflight(request)) {
    const names = proxy.authenticators
      .map(({ header, ofConnection }) => (ofConnection === true ? '' : header))
      .filter(name => name !== '' && name !== 'cookie')
    reply(exchange, 204, preflightHeaders(request.headers, names))
    return undefined
  }
  if (head.method !== 'POST' && head.method !== 'GET' && head.method !== 'DELETE') {
    throw new Refusal('method_not_allowed', `an MCP endpoint answers ${methods}`, {
      headers: { allow: methods },
    })
  }
  return proxy
}

/** Judges what a request asks for, and sends it upstream. */
function forwardJudged(
  exchange: Exchange,
  streams: Streams,
  proxy: ServedProxy,
  principal: Principal,
  body: Buffer | undefined,
): void {
  const { request } = exchange
  const method = request.method as 'POST' | 'GET' | 'DELETE'
  let expected = nothingExpected
  let listening = method === 'GET'
  let listing = false
  let listsTasks = false
  let use: HandleUse | undefined
  if (body !== undefined) {
    const { messages, batch } = readMessages(body, allowsBatch(request.headers))
    exchange.batch = batch
    for (const { kind, id } of messages)
      if (kind === 'request' && id !== undefined) exchange.requestIds.push(id)
    for (const message of messages) {
      checkMessage(exchange, proxy, message)
      const list = listedBy(message.method)
      if (list !== undefined && message.id !== undefined) {
        expected = new Map(expected).set(idValue(message.id), list)
      }
      listening ||= message.method === 'subscriptions/listen'
      listing ||= mayList(message.method)
      listsTasks ||= message.method === 'tasks/list'
    }
    checkParamHeaders(request.rawHeaders, messages, body, proxy.params, exchange.era === 'modern')
    use = useHandles(exchange, proxy, messages, body)
  }
  const headers = headersFor(exchange, proxy)
  if (use?.taskId !== undefined) nameTask(headers, use.taskId)
  const strange = mayAnswerOpenList(exchange, expected.size > 0 || listsTasks)
  exchange.forwarded = true
  const judge =
    (exchange.requestIds.length === 0 || expected.size > 0 || listing || strange) &&
    !seesEverything(proxy.access)
      ? judgeFor(proxy, principal)
      : undefined
  const answered = use?.answer ?? (method === 'GET' || strange ? handlesOfStream(exchange, proxy) : undefined)
  const handles = strange ? { ...answered!, method: '' } : answered
  const params = judge !== undefined && [...expected.values()].includes('tools') ? proxy.params : undefined
  const rules =
    judge === undefined && handles === undefined ? undefined : { expected, judge, handles, params }
  if (listening) exchange.share?.becomeStream()
  const plan: ResponsePlan = { method, rules, listening }
  forward(exchange, proxy, streams, { body: use?.body ?? body, headers, plan })
}

/** The path, and the query without its question mark. */
function readTarget(url = ''): { path: string; query: string } {
  const mark = url.indexOf('?')
  return mark === -1 ? { path: url, query: '' } : { path: url.slice(0, mark), query: url.slice(mark + 1) }
}

function readHead(request: IncomingMessage, query: string): RequestHead {
  const { method = '', headers, rawHeaders, socket } = request
  checkSingle(method, rawHeaders)
  return {
    method,
    query,
    headers,
    localAddress: () => socket.localAddress ?? '',
    remoteAddress: socket.remoteAddress ?? '',
    clientCertificate: () => peerCertificate(socket),
  }
}

function findProxy(exchange: Exchange, path: string): ServedProxy {
  const proxy = exchange.snapshot.proxiesByPath.get(path)
  if (proxy === undefined) throw new Refusal('path_unknown', 'nothing is served at this path')
  exchange.proxy = proxy
  return proxy
}

function isPreflight({ method, headers }: IncomingMessage): boolean {
  return (
    method === 'OPTIONS' &&
    headers.origin !== undefined &&
    headers['access-control-request-method'] !== undefined
  )
}

const usableByPost = ['application/json', 'text/event-stream']
const usableByGet = ['text/event-stream']
const isAcceptedByPost = acceptsOneOf(['*/*', ...usableByPost, 'application/*', 'text/*'])
const isAcceptedByGet = acceptsOneOf(['*/*', ...usableByGet, 'text/*'])

function acceptsOneOf(types: readonly string[]): (accept: string) => boolean {
  return memoize(accept => accept.split(',').some(type => types.includes(mediaType(type))))
}

/** What an answer may be made of (MCP, Streamable HTTP): the upstream judges finer. */
function checkAccept({ method, headers }: IncomingMessage): void {
  const { accept } = headers
  if (accept === undefined || method === 'DELETE') return
  if (method === 'GET' ? isAcceptedByGet(accept) : isAcceptedByPost(accept)) return
  const usable = method === 'GET' ? usableByGet : usableByPost
  throw new Refusal('not_acceptable', `the Accept header must allow ${usable.join(' and ')}`)
}

function readJson(request: BodyRequest, proxy: ServedProxy, share: Share): Promise<Buffer> {
  const coding = request.headers['content-encoding']
  if (!isJsonInUtf8(request.headers['content-type'] ?? '')) {
    throw new Refusal('unsupported_media_type', 'the body must be application/json in UTF-8')
  }
  if (coding !== undefined && coding.toLowerCase() !== 'identity') {
    throw new Refusal('unsupported_media_type', 'the body must not be compressed')
  }
  return request.readBody(proxy.maxBody, share)
}

/** Judges one message; every operation that it names must be allowed. */
function checkMessage(exchange: Exchange, proxy: ServedProxy, message: Message): void {
  const { principal, request, batch } = exchange
  if (batch && claimedVersion(message) !== undefined) {
    throw new Refusal('message_invalid', 'batches exist in MCP 2025-03-26 only; send one message', {
      id: message.id,
    })
  }
  const era = agreedEra(message, request.headers)
  exchange.era ??= era
  if (message.method === undefined) {
    // An answer of the client asks for nothing, and is no way around what every request needs.
    proxy.checkOperation(principal!, { method: '', kind: 'other' }, message.id)
  }
  for (const operation of operationsOf(message)) {
    exchange.operation ??= operation
    exchange.operations++
    if (operation.kind !== 'other') exchange.named += weightOf(operation.kind, operation.name)
    if (exchange.named > maxNamed) throw tooMuchNamed(message.id)
    if (batch) (exchange.batched ??= []).push(operation)
    const first = exchange.operation
    // What a refusal is about.
    exchange.operation = operation
    exchange.rule = proxy.checkOperation(principal!, operation, message.id)
    exchange.operation = first
  }
}

/** A URI with several readings is matched as often. */
function weightOf(kind: string, name: string): number {
  return kind === 'resource' && !isPlain(name) ? 8 * name.length : name.length
}

function tooMuchNamed(id: string | undefined): Refusal {
  const message = `the names in one request are longer than ${maxNamed} characters together`
  return new Refusal('params_invalid', message, { id })
}

/** The headers to send upstream; a legacy session's id is given back as the upstream's own. */
function headersFor(exchange: Exchange, proxy: ServedProxy): string[] {
  const { request, principal, snapshot } = exchange
  const headers = upstreamHeaders(request.rawHeaders, request.headers.connection, proxy.upstream.headerFilter)
  for (const [name, value] of proxy.upstream.headers) headers.push(name, value)
  const told = callerHeaders(proxy.upstream.caller, principal!, exchange.subject?.token)
  for (const [name, value] of told) headers.push(name, value)
  if (request.method === 'POST') headers.push('content-type', 'application/json')
  const session = request.headers['mcp-session-id']
  if (session === undefined || exchange.era === 'modern' || hasModernHeader(request.headers)) return headers
  const upstreamId = snapshot.seals.open('session', String(session), ownerOf(principal!, proxy.name))
  if (upstreamId === undefined) {
    throw new Refusal('session_unknown', 'no such session; send initialize to open one', {
      id: exchange.requestIds[0],
    })
  }
  headers.push('mcp-session-id', upstreamId)
  return headers
}
