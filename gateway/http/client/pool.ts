import type { Dispatcher } from 'undici'
import { Call } from './call.ts'
import type { Endpoint } from './connection.ts'
import { createConnections } from './connections.ts'
import { createRequestEncoder, type RequestBytes } from './request-bytes.ts'
import { WireError } from './wire-error.ts'

/** A request to an upstream, with its whole body. */
export interface UpstreamCall {
  readonly path: string
  readonly method: 'POST' | 'GET' | 'DELETE'
  /** Names and values, flat. */
  readonly headers: string[]
  readonly body: Buffer | null
  /** 0: the caller limits the wait for the response head itself. */
  readonly headersTimeout: 0
  /** Milliseconds of silence within the response body; 0 for no limit. */
  readonly bodyTimeout: number
}

/** Sends requests to one upstream, as a dispatcher of undici does. */
export interface UpstreamDispatcher {
  dispatch(call: UpstreamCall, handler: Dispatcher.DispatchHandler): boolean
  /** Takes no more calls; resolves when those in flight have ended. */
  close(): Promise<void>
}

interface Waiting {
  readonly call: Call
  readonly request: RequestBytes
}

/**
 * Makes a client for the origin of a plain-http upstream, over HTTP/1.1 connections that carry one call at a time. A call
 * is written once and never again. The handler gets its controller at once and everything else later, except the error of a
 * request that cannot be sent. The connection that was used last is used first.
 *
 * @param hostHeader value of the Host header; undefined for the host of the origin
 */
export function createPool(
  origin: string,
  {
    hostHeader,
    ...times
  }: Pick<Endpoint, 'connectTimeout' | 'keepAlive'> & { readonly hostHeader?: string | undefined },
): UpstreamDispatcher {
  const { host, hostname, port } = new URL(origin)
  const endpoint = { ...times, host: hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(port || 80) }
  const encoder = createRequestEncoder(hostHeader ?? host)
  let waiting: Waiting[] = []
  let isClosed = false
  const emptied = Promise.withResolvers<void>()
  const turnSoon = oncePerTurn(turn)
  const connections = createConnections(endpoint, { onRest: turnSoon, onClosed: settle })

  function turn(): void {
    const calls = waiting
    waiting = []
    for (const next of calls) {
      if (next.call.isOver) continue
      const connection = connections.take()
      // A connection that rests is ready by the next turn, which is sooner than another could be open.
      if (connection === undefined && waiting.length < connections.resting()) waiting.push(next)
      else (connection ?? connections.open()).carry(next.call, next.request)
    }
    connections.turn()
    if (waiting.length > 0) turnSoon()
    settle()
  }

  function settle(): void {
    if (isClosed && connections.size() === 0 && waiting.length === 0) emptied.resolve()
  }

  return {
    dispatch({ path, method, headers, body, bodyTimeout }, handler) {
      const call = new Call(bodyTimeout, handler)
      try {
        if (isClosed) throw new WireError('pool_closed', 'the upstream is no longer in use')
        const request = encoder.encode(method, path, headers, body)
        call.offer()
        waiting.push({ call, request })
      } catch (error) {
        call.fail(error as Error)
        return false
      }
      turnSoon()
      return true
    },
    close() {
      isClosed = true
      connections.closeAll()
      settle()
      return emptied.promise
    },
  }
}

/** Returns a function that runs a task in the next turn of the event loop, however often it is called until then. */
function oncePerTurn(task: () => void): () => void {
  let isDue = false
  const run = (): void => {
    isDue = false
    task()
  }
  return () => {
    if (isDue) return
    isDue = true
    setImmediate(run)
  }
}
