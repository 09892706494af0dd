import { isAccessReduced } from '../../access/analysis/access-reduced.ts'
import type { Principal } from '../../auth/principal.ts'
import { maxTimerMs } from '../../values/units.ts'
import { Refusal } from '../../mcp/errors.ts'
import type { ServedProxy, Snapshot } from './snapshot.ts'

/** What a decision is based on. */
export interface JudgedRequest {
  readonly principal: Principal
  /** The auth method that vouched for the principal; undefined on an open proxy. */
  readonly method: string | undefined
  readonly proxy: ServedProxy
}

/** A response that is being streamed to a client. */
export interface OpenStream extends JudgedRequest {
  /** Whether it waits for notifications rather than for the result of a call, and so would never end by itself. */
  readonly listening: boolean
  /** Ends it. The client gets the reason if an event can still be sent. */
  end(refusal: Refusal): void
  /** Called a few times a second, to write a comment into a silent stream; `now` is in milliseconds on a monotonic clock. */
  tick(now: number): void
}

/** Milliseconds between two ticks of all streams. A timer each would take too much memory for ten thousand. */
export const tickMs = 250

/** Open streams of the gateway. They outlive a reload unless it takes away what they are based on. */
export interface Streams {
  /** Adds a stream, or ends it at once if it is no longer allowed. */
  add(stream: OpenStream): void
  /** Removes a stream that has ended. */
  remove(stream: OpenStream): void
  /** The snapshot in force. */
  current(this: void): Snapshot
  /**
   * Returns why a request that was decided under a snapshot must no longer be sent; undefined if it may. It only checks
   * anew if another snapshot is in force or the credential has expired.
   */
  refusalOf(request: JudgedRequest, under: Snapshot): Refusal | undefined
  /** Decides every stream again. Call it after each change of the snapshot. */
  review(): void
  /** Ends streams because the gateway stops: first those that would never end by themselves, then all. */
  endAll(refusal: Refusal, which: 'listening' | 'all'): void
  size(): number
}

/** Makes an empty set of streams. */
export function createStreams(current: () => Snapshot): Streams {
  const open = new Set<OpenStream>()
  let ticker: NodeJS.Timeout | undefined
  let timer: NodeJS.Timeout | undefined
  let wakesAt = Infinity

  function wakeBy(instant: number): void {
    if (instant >= wakesAt) return
    clearTimeout(timer)
    wakesAt = instant
    timer = setTimeout(review, Math.min(Math.max(instant - Date.now(), 0), maxTimerMs))
    timer.unref()
  }
  function review(): void {
    clearTimeout(timer)
    wakesAt = Infinity
    const snapshot = current()
    const now = Date.now()
    for (const stream of open) {
      const { refusal, until } = verdict(stream, snapshot, now)
      if (refusal === undefined) wakeBy(until)
      else end(stream, refusal)
    }
  }
  function tick(): void {
    if (open.size === 0) {
      clearInterval(ticker)
      ticker = undefined
    }
    const now = performance.now()
    for (const stream of open) stream.tick(now)
  }
  function end(stream: OpenStream, refusal: Refusal): void {
    open.delete(stream)
    stream.end(refusal)
  }

  return {
    add(stream) {
      open.add(stream)
      ticker ??= setInterval(tick, tickMs).unref()
      const { refusal, until } = verdict(stream, current(), Date.now())
      if (refusal === undefined) wakeBy(until)
      else end(stream, refusal)
    },
    remove(stream) {
      open.delete(stream)
    },
    current,
    refusalOf(request, under) {
      const snapshot = current()
      return snapshot === under && !hasExpired(request.principal)
        ? undefined
        : verdict(request, snapshot, Date.now()).refusal
    },
    review,
    endAll(refusal, which) {
      for (const stream of open) if (stream.listening || which === 'all') end(stream, refusal)
    },
    size: () => open.size,
  }
}

/** Returns whether a principal's credential has expired. */
export function hasExpired({ expires }: Principal): boolean {
  return expires !== Infinity && Date.now() >= expires
}

/** Returns why a stream must end under a snapshot, or the instant until which it may continue. */
function verdict(
  { principal: was, method, proxy: before }: JudgedRequest,
  snapshot: Snapshot,
  now: number,
): { refusal: Refusal; until?: undefined } | { refusal?: undefined; until: number } {
  const after = snapshot.proxiesByName.get(before.name)
  if (after === undefined || after.upstream.identity !== before.upstream.identity) {
    return { refusal: new Refusal('upstream_changed') }
  }
  if (after.authIdentity !== before.authIdentity) {
    return { refusal: new Refusal('auth_changed') }
  }
  try {
    const vouching = after.authenticators.find(authenticator => authenticator.method === method)
    const is = vouching === undefined ? was : vouching.review(was, now)
    if (snapshot.revocations.size > 0) {
      // Only the old principal knows which secret was presented; only the new one how the file now writes it.
      snapshot.revocations.check(was)
      snapshot.revocations.check(is)
    }
    if (isAccessReduced(before.access, was, after.access, is)) throw new Refusal('access_reduced')
    return { until: is.expires }
  } catch (error) {
    if (error instanceof Refusal) return { refusal: error }
    throw error
  }
}
