import { TokenUnavailable, type TokenSource } from '../http/tokens.ts'
import type { IssuedToken } from './token-endpoint.ts'

interface Held {
  readonly value: string
  /** Milliseconds since the epoch. */
  readonly refreshAt: number
  readonly expires: number
}

const earliness = 30_000
const firstPause = 500
const longestPause = 30_000
const renewalPause = 10_000

/**
 * Keeps one token: asked for at the first use and by one request however many wait for it, and again ahead of its
 * end, at 80 % of its lifetime or 30 seconds before, whichever is sooner, though never before half of it. While the
 * token in hand is good, nobody waits for the next. After a failure the next request waits, twice as long every
 * time, up to 30 seconds; whoever needs a token meanwhile is told at once.
 *
 * @param request asks for a token; rejects with a TokenUnavailable
 * @param onFailure told once for every request that failed
 * @param now milliseconds since the epoch
 */
export function createTokenSource(
  request: () => Promise<IssuedToken>,
  onFailure: (error: TokenUnavailable) => void,
  now: () => number = Date.now,
): TokenSource {
  let held: Held | undefined
  let running: Promise<string> | undefined
  let failure: TokenUnavailable | undefined
  let pause = 0
  let pausedUntil = -Infinity
  let renewedAt = -Infinity

  async function refresh(): Promise<string> {
    const asked = now()
    try {
      const { value, lifetime } = await request()
      held = holding(value, lifetime * 1000, asked)
      failure = undefined
      pause = 0
      return value
    } catch (error) {
      failure = error instanceof TokenUnavailable ? error : new TokenUnavailable('token_request_failed')
      pause = Math.min(pause === 0 ? firstPause : pause * 2, longestPause)
      pausedUntil = now() + pause
      onFailure(failure)
      throw failure
    } finally {
      running = undefined
    }
  }
  function fresh(): Promise<string> {
    if (running !== undefined) return running
    if (failure !== undefined && now() < pausedUntil) return Promise.reject(failure)
    running = refresh()
    return running
  }

  return {
    token() {
      if (held === undefined || now() >= held.expires) return fresh()
      if (now() >= held.refreshAt) fresh().catch(() => {})
      return Promise.resolve(held.value)
    },
    async renew(refused) {
      if (held !== undefined && held.value !== refused && now() < held.expires) return held.value
      if (running === undefined) {
        if (now() < renewedAt + renewalPause) return undefined
        renewedAt = now()
      }
      return fresh()
    },
  }
}

function holding(value: string, lifetime: number, asked: number): Held {
  const early = Math.min(Math.max(lifetime * 0.2, earliness), lifetime / 2)
  return { value, refreshAt: asked + lifetime - early, expires: asked + lifetime }
}
