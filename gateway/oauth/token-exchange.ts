import { createHash } from 'node:crypto'
import { ExchangeRefused, TokenUnavailable, type Subject, type TokenSource } from '../http/exchange/tokens.ts'
import { BoundedMap } from '../lib/bounded-map.ts'
import { createBackOff } from './back-off.ts'
import type { IssuedToken } from './token-endpoint.ts'
import { createTokenSource } from './token-source.ts'

/** Bounds of what is kept for callers. */
interface Capacity {
  readonly callers: number
  /** Total length of their tokens in characters. */
  readonly text: number
}

interface Kept {
  readonly source: TokenSource
  /** Length of the current token in characters. */
  readonly length: number
}

const defaultCapacity: Capacity = { callers: 10_000, text: 16 * 1024 * 1024 }

/** Errors about the caller's token or the requested token (RFC 8693 §2.2.2, RFC 6749 §5.2). */
const refusals = new Set(
  'invalid_request invalid_grant invalid_target invalid_scope invalid_token access_denied'.split(' '),
)
/** Errors about the gateway, or about all callers. */
const general = new Set(
  'invalid_client unauthorized_client unsupported_grant_type temporarily_unavailable slow_down'.split(' '),
)
/** Statuses that may concern only one caller when there is no error code. A token can also be too large. */
const particular = new Set([200, 400, 403, 413, 422, 500])

/**
 * Keeps a token for each caller, in exchange for the caller's own token (RFC 8693). The caller's token is kept only as its
 * SHA-256, except during the exchange. An issued token is not used after the caller's token expires. The caller that was
 * served least recently is dropped first. A refused token delays only its caller. When the endpoint does not respond, or
 * refuses all callers, all of them wait, and one at a time retries.
 *
 * @param request exchanges a token; rejects with a TokenUnavailable
 * @param onFailure called once for each failed request
 * @param now milliseconds since the epoch
 */
export function createTokenExchange(
  request: (subject: Subject) => Promise<IssuedToken>,
  onFailure: (error: TokenUnavailable) => void,
  now: () => number = Date.now,
  capacity: Capacity = defaultCapacity,
): TokenSource {
  const gate = createGate(now)
  const kept = new BoundedMap<string, Kept>(capacity.callers, {
    maxWeight: capacity.text,
    weigh: ({ length }) => length,
  })

  async function exchange(subject: Subject): Promise<IssuedToken> {
    try {
      const issued = await request(subject)
      if (issued.value === subject.token) {
        throw new TokenUnavailable('token_of_the_caller', { status: 200, error: '' })
      }
      return { ...issued, until: subject.expires }
    } catch (error) {
      const failure = judged(error)
      onFailure(failure)
      throw failure
    }
  }
  function sourceOf(digest: string): TokenSource {
    const source = createTokenSource(
      async subject => {
        const issued = await gate(() => exchange(subject!))
        if (kept.get(digest)?.source === source) kept.set(digest, { source, length: issued.value.length })
        return issued
      },
      () => {},
      now,
      failure => !isGeneral(failure),
    )
    return source
  }
  function sourceFor(subject: Subject | undefined): TokenSource {
    if (subject === undefined) throw new ExchangeRefused('caller_without_token')
    const digest = createHash('sha256').update(subject.token).digest('hex')
    const one = kept.get(digest) ?? { source: sourceOf(digest), length: 0 }
    // Moves the caller to the end, so that it is dropped last.
    kept.set(digest, one)
    return one.source
  }

  return {
    token: async subject => sourceFor(subject).token(subject),
    renew: async (refused, subject) => sourceFor(subject).renew(refused, subject),
  }
}

function judged(error: unknown): TokenUnavailable {
  if (!(error instanceof TokenUnavailable)) return new TokenUnavailable('token_request_failed')
  const { code, answer } = error
  return answer !== undefined && !isGeneral(error) && refusals.has(answer.error)
    ? new ExchangeRefused(code, answer)
    : error
}

/** Returns whether the failure concerns all callers. */
function isGeneral({ answer }: TokenUnavailable): boolean {
  if (answer === undefined || general.has(answer.error)) return true
  return !particular.has(answer.status) && !refusals.has(answer.error)
}

/** Admits requests until one fails for all callers. Then admits one at a time, with longer and longer delays. */
function createGate(now: () => number): (ask: () => Promise<IssuedToken>) => Promise<IssuedToken> {
  const backOff = createBackOff(now)
  let down: TokenUnavailable | undefined
  let trying = false
  function up(): void {
    down = undefined
    backOff.succeeded()
  }
  return async ask => {
    const isTrial = down !== undefined
    if (down !== undefined && (trying || backOff.current() !== undefined)) throw down
    trying = isTrial
    try {
      const issued = await ask()
      up()
      return issued
    } catch (error) {
      const failure = error as TokenUnavailable
      if (!isGeneral(failure)) up()
      // Of many concurrent requests, only the first failure counts.
      else if (down === undefined || isTrial) {
        down = failure
        backOff.failed(failure)
      }
      throw failure
    } finally {
      if (isTrial) trying = false
    }
  }
}
