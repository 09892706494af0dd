import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher } from 'undici'
import type { Principal } from '../../auth/principal.ts'
import { Refusal } from '../../mcp/errors.ts'
import { mustBeRead, type AnswerRules } from '../../mcp/handles/answers.ts'
import { UnreadableList } from '../../mcp/lists.ts'
import { ByteStore } from '../../lib/byte-store.ts'
import { clientHeaders, judgedHeaders } from './client-headers.ts'
import { atEndOfTurn } from '../../lib/end-of-turn.ts'
import { commonHeaders, forgetHead, refuse, startOver, type AdmittedExchange } from '../exchange/exchange.ts'
import { EventStream, type StreamedAnswer } from './event-stream.ts'
import { failedCall, isFailedCall, statusToSend } from './failed-call.ts'
import type { ResponsePlan } from '../exchange/response-plan.ts'
import { lateRules, sealedSession } from '../exchange/handles.ts'
import { mediaType } from '../exchange/headers.ts'
import { changeHeld, heldHeaders } from './buffered-response.ts'
import type { ServedProxy, Upstream } from '../exchange/snapshot.ts'
import { endWhenStalled } from '../exchange/stall.ts'
import type { Streams } from '../exchange/streams.ts'
import { unreadable, upstreamFault, upstreamRefusal } from './upstream-refusal.ts'

/** Largest size of a list that is buffered for filtering, in bytes. */
const maxList = 8 * 1024 * 1024
const nothing = Buffer.alloc(0)
/** Keep-alive intervals after which a client that reads nothing counts as gone. */
const stalledIntervals = 4

type Mode = 'waiting' | 'bytes' | 'list' | 'events' | 'done'

/** Relays one upstream response to the client. A class, because undici calls its methods. */
export class Relay implements Dispatcher.DispatchHandler, StreamedAnswer {
  readonly #exchange: AdmittedExchange
  readonly #proxy: ServedProxy
  readonly #streams: Streams
  readonly #plan: ResponsePlan
  /** How the response is changed; undefined if it passes unchanged. */
  #rules: AnswerRules | undefined
  #controller: Dispatcher.DispatchController | undefined
  #mode: Mode = 'waiting'
  #status = 0
  #headers: IncomingHttpHeaders = {}
  #held: ByteStore | undefined
  /** The body, if it came in one chunk. */
  #whole: Buffer | undefined
  #events: EventStream | undefined
  #responseTimer: NodeJS.Timeout | undefined

  constructor(exchange: AdmittedExchange, upstream: Upstream, streams: Streams, plan: ResponsePlan) {
    this.#exchange = exchange
    this.#proxy = exchange.proxy
    this.#streams = streams
    this.#plan = plan
    this.#rules = plan.rules
    exchange.relay = this
    // Our own timer, because undici's starts again with every informational response.
    this.#responseTimer = setTimeout(() => {
      this.#refuse(new Refusal('timeout_response', { values: { seconds: upstream.responseTimeout / 1000 } }))
    }, upstream.responseTimeout)
  }

  get principal(): Principal {
    return this.#exchange.principal
  }

  get method(): string | undefined {
    return this.#exchange.method
  }

  get proxy(): ServedProxy {
    return this.#proxy
  }

  get listening(): boolean {
    return this.#plan.listening
  }

  /** The response has ended, or the client has left. */
  onClose(): void {
    if (this.#mode !== 'done') this.close(new Error('the client left'))
  }

  /** Probes whether the client is still there. */
  probe(hasEnded: boolean): void {
    this.#events?.probe(hasEnded)
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#mode === 'done') {
      controller.abort(new Error('the client left'))
      return
    }
    // The call may have waited for a token or a connection.
    const refusal = this.#streams.refusalOf(this, this.#exchange.snapshot)
    if (refusal !== undefined) this.#refuseUnsent(refusal)
  }

  /** Refuses a request that was allowed when it was decided, but no longer is. */
  #refuseUnsent(refusal: Refusal): void {
    const exchange = this.#exchange
    const { principal, method, proxy } = exchange
    startOver(exchange, this.#streams.current())
    Object.assign(exchange, { principal, method, proxy, rule: refusal.rule, forwarded: false })
    this.#refuse(refusal)
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
  ): void {
    if (status < 200 || this.#mode === 'done') return
    clearTimeout(this.#responseTimer)
    this.#responseTimer = undefined
    this.#exchange.share.releaseBody()
    this.#status = status
    this.#headers = headers
    const type = mediaType(headers['content-type'])
    const fault = upstreamFault(this.#plan.method, this.#exchange, status, headers, type)
    const hasFailed = isFailedCall(this.#exchange, status)
    if (fault !== undefined) this.#refuse(new Refusal(fault))
    else if (hasFailed && type !== 'application/json') this.#refuse(failedCall(status, headers))
    else if (type === 'text/event-stream') this.#startEvents()
    else this.#mode = this.#rules === undefined && !hasFailed ? 'bytes' : 'list'
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    const { response } = this.#exchange
    if (this.#mode === 'list') this.#hold(chunk)
    else if (this.#mode === 'events') this.#events!.take(chunk)
    else if (this.#mode === 'bytes') {
      // A complete body is written together with the head when the response ends.
      if (!response.headersSent && this.#headers['content-length'] === String(chunk.length)) {
        this.#rules = lateRules(this.#exchange, chunk)
        if (this.#rules === undefined) this.#whole = chunk
        else {
          this.#mode = 'list'
          this.#hold(chunk)
        }
        return
      }
      if (!response.headersSent) this.#startBytes()
      response.write(chunk)
    }
    if (this.#mode !== 'done' && response.writableNeedDrain) {
      controller.pause()
      response.once('drain', () => controller.resume())
    }
  }

  onResponseEnd(): void {
    const { response, requestIds } = this.#exchange
    if (this.#mode === 'list') {
      this.#replyChanged()
      return
    }
    if (this.#mode === 'events') {
      this.#events!.onUpstreamEnd()
      return
    }
    if (this.#mode === 'bytes') {
      if (!response.headersSent) {
        if (this.#whole === undefined && requestIds.length > 0 && this.#status < 300) {
          this.#refuse(new Refusal('upstream_empty'))
          return
        }
        this.#writeHead(clientHeaders(this.#headers, this.#whole !== undefined))
      }
      this.#endWith(this.#whole)
    }
    this.close(undefined)
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    if (this.#mode === 'done') return
    const refusal = upstreamRefusal(error)
    if (this.#mode === 'events') this.#events!.onUpstreamError(refusal)
    else this.#refuse(refusal)
  }

  #writeHead(headers: Record<string, unknown>): void {
    const session = sealedSession(this.#exchange, this.#headers['mcp-session-id'])
    if (session !== undefined) headers['mcp-session-id'] = session
    if (this.#exchange.originAllowed) Object.assign(headers, commonHeaders(this.#exchange))
    this.#exchange.response.writeHead(this.#status, headers as Record<string, string>)
  }

  /** Ends the response; a client that does not read it at once has a while to do so. */
  #endWith(body: Buffer | undefined): void {
    const { response } = this.#exchange
    atEndOfTurn(() => {
      response.end(body)
      if (response.socket === null || response.socket.writableLength > 0) this.#expectProgress()
    })
  }

  #expectProgress(): void {
    endWhenStalled(this.#exchange.response, stalledIntervals * this.#proxy.keepAlive)
  }

  #startBytes(): void {
    this.#writeHead(clientHeaders(this.#headers, true))
    this.#expectProgress()
  }

  #startEvents(): void {
    const rules = this.#rules
    const isJudged = rules !== undefined && mustBeRead(rules)
    const headers = isJudged
      ? judgedHeaders(this.#headers, 'text/event-stream')
      : clientHeaders(this.#headers, true)
    delete headers['content-length']
    const session = this.#headers['mcp-session-id']
    this.#headers = session === undefined ? {} : { 'mcp-session-id': session }
    this.#mode = 'events'
    this.#writeHead({ 'cache-control': 'no-cache, no-transform', 'x-accel-buffering': 'no', ...headers })
    this.#expectProgress()
    this.#events = new EventStream(this.#exchange, this.#proxy, rules, this)
    atEndOfTurn(() => forgetHead(this.#exchange))
    this.#streams.add(this.#events)
  }

  // Called by the event stream.

  end(): void {
    this.#endWith(undefined)
    this.close(undefined)
  }

  pause(): void {
    this.#controller?.pause()
  }

  resume(): void {
    this.#controller?.resume()
  }

  #hold(chunk: Buffer): void {
    this.#held ??= new ByteStore(maxList)
    if (this.#exchange.share.addList(chunk.length) === false) {
      this.#refuse(new Refusal('lists_held'))
      return
    }
    if (this.#held.append(chunk)) return
    if (this.#rules === undefined || mustBeRead(this.#rules)) {
      this.#refuse(unreadable(new UnreadableList(`it is larger than ${maxList} bytes`)))
      return
    }
    // Handles that are not sealed are useless to everyone, so a response that is too long to read may pass.
    this.#mode = 'bytes'
    this.#startBytes()
    this.#exchange.response.write(this.#held.bytes())
    this.#exchange.response.write(chunk)
    this.#held = undefined
  }

  #replyChanged(): void {
    const held = this.#held?.bytes() ?? nothing
    const fail = (error: unknown): void => {
      if (this.#mode !== 'done') this.#refuse(unreadable(error))
    }
    try {
      this.#status = statusToSend(this.#exchange, this.#status, this.#headers, held)
      const body = changeHeld(held, this.#status, this.#headers, this.#rules)
      if (body instanceof Promise) void body.then(changed => this.#reply(changed, held)).catch(fail)
      else this.#reply(body, held)
    } catch (error) {
      fail(error)
    }
  }

  #reply(body: Buffer, held: Buffer): void {
    if (this.#mode === 'done') return
    const headers = heldHeaders(body, held, this.#headers, this.#rules)
    if (this.#status !== 204) headers['content-length'] = String(body.length)
    this.#writeHead(headers)
    this.#endWith(body)
    this.close(undefined)
  }

  #refuse(refusal: Refusal): void {
    this.close(refusal)
    refuse(this.#exchange, refusal)
  }

  /** Releases everything; with a reason, also aborts the upstream call. */
  close(reason: Error | undefined): void {
    if (this.#mode === 'done') return
    if (this.#events !== undefined) this.#streams.remove(this.#events)
    this.#mode = 'done'
    this.#events?.close()
    clearTimeout(this.#responseTimer)
    this.#held = undefined
    this.#whole = undefined
    if (reason !== undefined) this.#controller?.abort(reason)
  }
}
