import { connect, type Socket } from 'node:net'
import { createAnswerReader } from './answer.ts'
import type { Call } from './call.ts'
import { noEarlierThan, noLaterThan, watchDeadline } from './deadlines.ts'
import { WireError } from './wire-error.ts'

/** A TCP connection to an upstream that carries one call at a time. */
export interface Connection {
  isOpen(): boolean
  /** Writes a call; to be called while it rests, or has just been opened. */
  carry(call: Call, head: string, body: Buffer | null): void
  /** Ends it while it rests. */
  close(): void
}

/** Where connections lead, and how long they are kept; milliseconds. */
export interface Endpoint {
  readonly host: string
  readonly port: number
  readonly connectTimeout: number
  /** How long a connection rests, to an upstream that does not say how long it keeps it itself. */
  readonly keepAlive: number
}

/** What a connection tells its pool. */
export interface Keeper {
  /** It may carry another call. */
  onRest(connection: Connection): void
  onGone(connection: Connection): void
}

/** How long before the upstream would close a connection it is closed here, and how long one rests at most. */
const margin = 2000
const longestRest = 600_000
/** Bodies up to this size are copied behind their head, so that one piece is written. */
const smallBody = 64 * 1024

/**
 * What is read stands here until its reader has copied what it needs, which it does before it returns: one for all
 * connections, because ten thousand silent streams would otherwise keep a buffer each.
 */
const buffer = Buffer.allocUnsafeSlow(64 * 1024)

/** Opens a connection. Whatever is not as it should be closes it for good. */
export function openConnection(endpoint: Endpoint, keeper: Keeper): Connection {
  let call: Call | undefined
  let open = true
  let paused = false
  let rest = endpoint.keepAlive

  const reader = createAnswerReader({
    head(status, headers) {
      if (call === undefined) return
      rest = restFor(headers['keep-alive'], endpoint.keepAlive)
      timed.deadline = noEarlierThan(call.bodyTimeout)
      call.start(status, headers)
    },
    body(bytes) {
      if (call === undefined) return
      timed.deadline = noEarlierThan(call.bodyTimeout)
      call.data(bytes)
    },
    end(reusable) {
      const done = call
      if (done === undefined) return
      call = undefined
      carrier.resume()
      // An upstream that answers before it has read the request may take the rest of it for the next one.
      if (reusable && rest > 0 && socket.writableLength === 0) {
        timed.deadline = noLaterThan(rest)
        keeper.onRest(connection)
      } else drop()
      done.end()
    },
  })

  const socket = connect({
    host: endpoint.host,
    port: endpoint.port,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: 60_000,
    onread: { buffer, callback: onRead },
  })
  let patience: NodeJS.Timeout | undefined = setTimeout(() => {
    fail(new WireError('connect_timeout', 'the upstream did not take the connection in time'))
  }, endpoint.connectTimeout)
  socket.once('connect', () => {
    clearTimeout(patience)
    patience = undefined
  })
  socket.once('end', () => {
    if (!reader.close()) fail(closed())
  })
  socket.on('error', fail)
  socket.once('close', () => fail(closed()))

  const timed = {
    deadline: 0,
    onDeadline: () => fail(new WireError('answer_stalled', "the upstream's answer stopped coming")),
  }
  const unwatch = watchDeadline(timed)

  const carrier = {
    pause() {
      paused = true
      timed.deadline = 0
      socket.pause()
    },
    resume() {
      if (!paused) return
      paused = false
      if (call !== undefined) timed.deadline = noEarlierThan(call.bodyTimeout)
      socket.resume()
    },
    drop() {
      call = undefined
      drop()
    },
  }

  function onRead(length: number): boolean {
    if (call === undefined) drop()
    else {
      try {
        reader.read(buffer, length)
      } catch (error) {
        fail(error as Error)
      }
    }
    return true
  }

  function fail(error: Error): void {
    const failed = call
    carrier.drop()
    failed?.fail(error)
  }

  function drop(): void {
    if (!open) return
    open = false
    clearTimeout(patience)
    unwatch()
    socket.destroy()
    keeper.onGone(connection)
  }

  const connection: Connection = {
    isOpen: () => open,
    carry(next, head, body) {
      call = next
      timed.deadline = 0
      next.carryBy(carrier)
      write(socket, head, body)
    },
    close: drop,
  }
  return connection
}

/** Writes a request in one piece. */
function write(socket: Socket, head: string, body: Buffer | null): void {
  if (body === null) socket.write(head, 'latin1')
  else if (body.length <= smallBody) {
    const bytes = Buffer.allocUnsafe(head.length + body.length)
    bytes.write(head, 'latin1')
    body.copy(bytes, head.length)
    socket.write(bytes)
  } else {
    socket.cork()
    socket.write(head, 'latin1')
    socket.write(body)
    socket.uncork()
  }
}

/** How long a connection may rest after an answer with this Keep-Alive header. */
function restFor(hint: string | string[] | undefined, otherwise: number): number {
  const [, seconds] = hint === undefined ? [] : (/timeout=(\d{1,9})/i.exec(String(hint)) ?? [])
  return seconds === undefined ? otherwise : Math.min(Number(seconds) * 1000 - margin, longestRest)
}

function closed(): WireError {
  return new WireError('connection_closed', 'the upstream closed the connection before its answer was whole')
}
