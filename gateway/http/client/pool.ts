import type { Dispatcher } from 'undici'
import { Call } from './call.ts'
import { openConnection, type Connection, type Endpoint } from './connection.ts'
import { createRequestEncoder, type RequestBytes } from './request-bytes.ts'
import { WireError } from './wire-error.ts'

/** A request to an upstream, whose body is at hand. */
export interface UpstreamCall {
  readonly path: string
  readonly method: 'POST' | 'GET' | 'DELETE'
  /** Names and values, flat. */
  readonly headers: string[]
  readonly body: Buffer | null
  /** 0: who calls waits for the head of the answer as long as it likes. */
  readonly headersTimeout: 0
  /** Milliseconds of silence within the body of the answer; 0 for any. */
  readonly bodyTimeout: number
}

/** Sends requests to one upstream, as a dispatcher of undici does. */
export interface UpstreamDispatcher {
  dispatch(call: UpstreamCall, handler: Dispatcher.DispatchHandler): boolean
  /** Takes no more calls; resolves when those that are on their way have ended. */
  close(): Promise<void>
}

interface Waiting {
  readonly call: Call
  readonly request: RequestBytes
}

/**
 * Makes a client for the origin of a plain-http upstream, over HTTP/1.1 connections that carry one call at a time. A
 * call is written once and never again, whatever becomes of it. The handler is shown its controller at once, and is
 * told of everything else later, but for a request that cannot be sent.
 *
 * Connections are taken from those that rest, the one used last first. Between an answer and the next request the
 * event loop turns once, so that a connection that the upstream closed, or has said more on than it was asked, is
 * seen to be no good before it is used (that answer would be another call's).
 */
export function createPool(
  origin: string,
  times: Pick<Endpoint, 'connectTimeout' | 'keepAlive'>,
): UpstreamDispatcher {
  const { host, hostname, port } = new URL(origin)
  const endpoint = { ...times, host: hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(port || 80) }
  const encoder = createRequestEncoder(host)
  let waiting: Waiting[] = []
  /** Rested a turn of the loop, and not yet; connections that are closed meanwhile stay in here for a while. */
  let rested: Connection[] = []
  let resting: Connection[] = []
  let gone = 0
  let open = 0
  let turning = false
  let closed = false
  let emptied = (): void => {}

  const keeper = {
    onRest(connection: Connection) {
      if (closed) {
        connection.close()
        return
      }
      resting.push(connection)
      turnSoon()
    },
    onGone() {
      open--
      if (++gone > 16 && gone > rested.length / 2) {
        rested = rested.filter(connection => connection.isOpen())
        gone = 0
      }
      settle()
    },
  }

  function turnSoon(): void {
    if (turning) return
    turning = true
    setImmediate(turn)
  }

  function turn(): void {
    turning = false
    const calls = waiting
    waiting = []
    for (const next of calls) {
      if (next.call.isOver) continue
      const connection = takeRested()
      // A connection that rests will have rested by the next turn, which is sooner than another could be open.
      if (connection === undefined && waiting.length < resting.length) waiting.push(next)
      else (connection ?? openAnother()).carry(next.call, next.request)
    }
    for (const connection of resting) if (connection.isOpen()) rested.push(connection)
    resting = []
    if (waiting.length > 0) turnSoon()
    settle()
  }

  function takeRested(): Connection | undefined {
    for (;;) {
      const connection = rested.pop()
      if (connection === undefined || connection.isOpen()) return connection
    }
  }

  function openAnother(): Connection {
    open++
    return openConnection(endpoint, keeper)
  }

  function settle(): void {
    if (closed && open === 0 && waiting.length === 0) emptied()
  }

  return {
    dispatch({ path, method, headers, body, bodyTimeout }, handler) {
      const call = new Call(bodyTimeout, handler)
      let request
      try {
        if (closed) throw new WireError('pool_closed', 'the upstream is no longer in use')
        request = encoder.encode(method, path, headers, body)
      } catch (error) {
        call.fail(error as Error)
        return false
      }
      call.offer()
      waiting.push({ call, request })
      turnSoon()
      return true
    },
    close() {
      closed = true
      for (const connection of [...rested, ...resting]) connection.close()
      return new Promise(resolve => {
        emptied = resolve
        settle()
      })
    },
  }
}
