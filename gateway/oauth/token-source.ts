import { TokenUnavailable, type Subject, type TokenSource } from '../http/exchange/tokens.ts'
import { createBackOff } from './back-off.ts'
import type { IssuedToken } from './token-endpoint.ts'

interface Held {
  readonly value: string
  /** Milliseconds since the epoch. */
  readonly refreshAt: number
  readonly expires: number
}

const earliness = 30_000
const renewalIntervalMs = 10_000

/**
 * Keeps one token. Requests it at the first use; concurrent callers share the request. Renews it at 80 % of its lifetime or
 * 30 seconds before its end, whichever is sooner, but never before half of it. While the current token is valid, no caller
 * waits for the next one. After a failure the next request waits, twice as long each time, up to 30 seconds. Callers that
 * need a token in that time fail at once.
 *
 * @param request requests a token, for the subject of the caller that happens to need it; rejects with a
 *   TokenUnavailable
 * @param onFailure called once for each failed request
 * @param now milliseconds since the epoch
 * @param isOwn returns whether a failure delays the next request here; others are delayed by the caller
 */
export function createTokenSource(
  request: (subject: Subject | undefined) => Promise<IssuedToken>,
  onFailure: (error: TokenUnavailable) => void,
  now: () => number = Date.now,
  isOwn: (error: TokenUnavailable) => boolean = () => true,
): TokenSource {
  const backOff = createBackOff(now)
  let held: Held | undefined
  let running: Promise<string> | undefined
  let renewedAt = -Infinity

  async function refresh(subject: Subject | undefined): Promise<string> {
    const asked = now()
    try {
      const issued = await request(subject)
      held = holding(issued, asked)
      backOff.succeeded()
      return issued.value
    } catch (error) {
      const failure = error instanceof TokenUnavailable ? error : new TokenUnavailable('token_request_failed')
      if (isOwn(failure)) backOff.failed(failure)
      onFailure(failure)
      throw failure
    } finally {
      running = undefined
    }
  }
  function fresh(subject: Subject | undefined): Promise<string> {
    if (running !== undefined) return running
    const failure = backOff.current()
    if (failure !== undefined) return Promise.reject(failure)
    running = refresh(subject)
    return running
  }

  return {
    token(subject) {
      if (held === undefined || now() >= held.expires) return fresh(subject)
      if (now() >= held.refreshAt) fresh(subject).catch(() => {})
      return Promise.resolve(held.value)
    },
    async renew(refused, subject) {
      if (held !== undefined && held.value !== refused && now() < held.expires) return held.value
      if (running === undefined) {
        if (now() < renewedAt + renewalIntervalMs) return undefined
        renewedAt = now()
      }
      return fresh(subject)
    },
  }
}

function holding({ value, lifetime, until = Infinity }: IssuedToken, asked: number): Held {
  const milliseconds = lifetime * 1000
  const expires = asked + milliseconds
  // Another token would not be valid for longer.
  if (expires >= until) return { value, refreshAt: until, expires: until }
  const early = Math.min(Math.max(milliseconds * 0.2, earliness), milliseconds / 2)
  return { value, refreshAt: expires - early, expires }
}
