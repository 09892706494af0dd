import { isAccessReduced } from '../../access/access-reduced.ts'
import type { Principal } from '../../auth/principal.ts'
import { maxTimerMs } from '../../values/units.ts'
import { Refusal } from '../../mcp/errors.ts'
import type { ServedProxy, Snapshot } from './snapshot.ts'

/** What a decision stands on. */
export interface JudgedRequest {
  readonly principal: Principal
  /** The auth method that vouched for the principal; undefined on an open proxy. */
  readonly method: string | undefined
  readonly proxy: ServedProxy
}

/** An answer that is being streamed to a client. */
export interface OpenStream extends JudgedRequest {
  /** It answers no call but waits for news, and so would never end by itself. */
  readonly listening: boolean
  /** Ends it, telling the client why where an event can still be sent. */
  end(refusal: Refusal): void
  /** Writes something where it has been silent for long; asked a few times a second, with milliseconds on one clock. */
  tick(now: number): void
}

/** Milliseconds from one look at all streams to the next: ten thousand timers would take some memory each. */
export const tickMs = 250

/** The open streams of the gateway: they outlive a reload unless it takes away what they stand on. */
export interface Streams {
  /** Takes a stream in, or ends it at once where it has lost its ground already. */
  add(stream: OpenStream): void
  /** Takes it out when it has ended. */
  remove(stream: OpenStream): void
  /** The snapshot in force. */
  current(this: void): Snapshot
  /**
   * Returns why a request that was judged under a snapshot must not be sent any more; undefined where it may. Looks only
   * where another snapshot is in force by now, or its credential has expired.
   */
  refusalOf(request: JudgedRequest, under: Snapshot): Refusal | undefined
  /** Judges every stream again; to be called after each swap. */
  review(): void
  /** Ends streams because the gateway stops: first those that would never end by themselves, at last all. */
  endAll(refusal: Refusal, which: 'listening' | 'all'): void
  size(): number
}

/** @param current the snapshot in force */
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

/** Whether the proof of a principal is no longer good. */
export function hasExpired({ expires }: Principal): boolean {
  return expires !== Infinity && Date.now() >= expires
}

/** Why a stream must end under a snapshot, or the instant up to which it may go on. */
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
      // Only what was presented then tells which secret it was, only what is known now how it is written.
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
