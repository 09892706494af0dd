import { createHash } from 'node:crypto'
import { ExchangeRefused, TokenUnavailable, type Subject, type TokenSource } from '../http/exchange/tokens.ts'
import { createBoundedMap } from '../lib/bounded-map.ts'
import { createBackOff } from './back-off.ts'
import type { IssuedToken } from './token-endpoint.ts'
import { createTokenSource } from './token-source.ts'

/** How much is kept of callers. */
interface Capacity {
  readonly callers: number
  /** Characters of all their tokens together. */
  readonly text: number
}

interface Kept {
  readonly source: TokenSource
  /** Characters of the token in hand. */
  readonly length: number
}

const most: Capacity = { callers: 10_000, text: 16 * 1024 * 1024 }

/** What is about the caller's token and what it is to be exchanged for (RFC 8693 §2.2.2, RFC 6749 §5.2). */
const refusals = new Set(
  'invalid_request invalid_grant invalid_target invalid_scope invalid_token access_denied'.split(' '),
)
/** What is about the gateway, or about everybody. */
const general = new Set(
  'invalid_client unauthorized_client unsupported_grant_type temporarily_unavailable slow_down'.split(' '),
)
/** Statuses that may be about one caller where no error says it; a token can be too large, too. */
const particular = new Set([200, 400, 403, 413, 422, 500])

/**
 * Keeps a token for every caller, got in exchange for the caller's own (RFC 8693). The caller's is known here by its
 * SHA-256 only, but for the time that an exchange of it takes. What was issued is used no longer than the caller's is
 * good; whoever was served longest ago makes room. A caller whose token is refused waits alone; when the endpoint does
 * not answer, or would refuse everybody, all wait, and one at a time tries again.
 *
 * @param request exchanges a token; rejects with a TokenUnavailable
 * @param onFailure told once for every request that failed
 * @param now milliseconds since the epoch
 */
export function createTokenExchange(
  request: (subject: Subject) => Promise<IssuedToken>,
  onFailure: (error: TokenUnavailable) => void,
  now: () => number = Date.now,
  capacity: Capacity = most,
): TokenSource {
  const gate = createGate(now)
  const kept = createBoundedMap<string, Kept>(capacity.callers, {
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
    // Whoever was served last is dropped last.
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

/** Whether another caller would have fared no better. */
function isGeneral({ answer }: TokenUnavailable): boolean {
  if (answer === undefined || general.has(answer.error)) return true
  return !particular.has(answer.status) && !refusals.has(answer.error)
}

/** Lets requests through, until one fails for everybody: then one at a time, with longer and longer pauses. */
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
      // Of many that were under way, the first says it for all.
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
