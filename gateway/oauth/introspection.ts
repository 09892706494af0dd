import type { Introspection } from '../auth/token/introspected-token.ts'
import type { Claims } from '../auth/jws.ts'
import { Refusal } from '../mcp/errors.ts'
import { BoundedMap } from '../lib/bounded-map.ts'
import { createAdmission, TooManyQuestions } from './introspection-admission.ts'
import { IntrospectionFailed, type IntrospectionAnswer } from './introspection-endpoint.ts'

/** Outcome of a question, for the metrics. */
export type IntrospectionResult = 'active' | 'inactive' | 'failed' | 'unauthorized' | 'limited'

/** Source of answers about tokens. */
export interface IntrospectionSource {
  /** Rejects with an IntrospectionFailed. */
  ask(this: void, token: string): Promise<IntrospectionAnswer>
  /**
   * Reports the outcome of a question.
   *
   * @param failure present if the question failed
   */
  asked(this: void, result: IntrospectionResult, failure?: IntrospectionFailed): void
}

/** Lifetime of cached answers, in milliseconds. */
const activeForMs = 60_000
const inactiveForMs = 10_000
const failedForMs = 1000
const maxEntries = 10_000
/** Largest number of characters of all cached answers. Their parsed form takes many times that memory. */
const maxCachedLength = 4 * 1024 * 1024

/**
 * Caches what an issuer says about tokens: for a minute that one is active, for ten seconds that it is not, for a second
 * that it did not answer. Concurrent requests with one token share a question. The oldest answers are dropped first.
 *
 * @param now milliseconds since the epoch
 */
export function createIntrospection(
  source: IntrospectionSource,
  now: () => number = () => Date.now(),
): Introspection {
  const cache = createCache(now)
  const asking = new Map<string, Promise<Claims>>()
  const admission = createAdmission(now)

  async function question(token: string, digest: string, isUnknown: boolean): Promise<Claims> {
    try {
      const { claims, length, asked } = await admission.admit(isUnknown, async () => {
        const asked = now()
        const answer = await source.ask(token).catch((error: unknown) => {
          if (error instanceof IntrospectionFailed && error.kind === 'unreachable') admission.dismiss(error)
          throw error
        })
        return { ...answer, asked }
      })
      source.asked(claims === undefined ? 'inactive' : 'active')
      if (claims === undefined) {
        throw cache.refuse(digest, new Refusal('token_inactive'), asked + inactiveForMs)
      }
      cache.accept(digest, { claims, until: asked + activeForMs, length })
      return claims
    } catch (error) {
      if (error instanceof TooManyQuestions) {
        source.asked('limited')
        throw new Refusal('token_not_introspected')
      }
      if (!(error instanceof IntrospectionFailed)) throw error
      source.asked(error.kind === 'unauthorized' ? 'unauthorized' : 'failed', error)
      throw cache.refuse(digest, new Refusal('token_not_introspected'), now() + failedForMs)
    }
  }
  function begin(token: string, digest: string, isUnknown: boolean): Promise<Claims> {
    const running = asking.get(digest)
    if (running !== undefined) return running
    const begun = question(token, digest, isUnknown).finally(() => asking.delete(digest))
    asking.set(digest, begun)
    return begun
  }

  return {
    async ask(token, digest) {
      const known = cache.accepted(digest)
      if (known !== undefined) return known.claims
      const refusal = cache.refused(digest)
      if (refusal !== undefined) throw refusal
      return begin(token, digest, !cache.wasAccepted(digest))
    },
    recall(token, digest) {
      const known = cache.accepted(digest)
      if (known !== undefined) return known
      const refusal = cache.refused(digest)
      if (refusal?.reason === 'credential_invalid') throw refusal
      // An open stream uses the token, so it was active, even if its entry was dropped or belongs to another client.
      if (refusal === undefined) begin(token, digest, false).catch(() => {})
      return undefined
    },
  }
}

interface Accepted {
  readonly claims: Claims
  /** Milliseconds since the epoch. */
  readonly until: number
  /** Length of the answer in characters. */
  readonly length: number
}

/** Answers by the digest of the token. */
interface Cache {
  accepted(digest: string): Accepted | undefined
  /** Returns whether the token was active when its issuer was last asked, even if the answer is stale. */
  wasAccepted(digest: string): boolean
  accept(digest: string, answer: Accepted): void
  refused(digest: string): Refusal | undefined
  /** Returns the refusal. */
  refuse(digest: string, refusal: Refusal, until: number): Refusal
}

function createCache(now: () => number): Cache {
  const active = new BoundedMap<string, Accepted>(maxEntries, {
    maxWeight: maxCachedLength,
    weigh: ({ length }) => length,
  })
  const refused = new BoundedMap<string, { refusal: Refusal; until: number }>(maxEntries)
  function current<Entry extends { until: number }>(
    entries: BoundedMap<string, Entry>,
    digest: string,
  ): Entry | undefined {
    const entry = entries.get(digest)
    return entry !== undefined && now() < entry.until ? entry : undefined
  }
  return {
    accepted: digest => current(active, digest),
    wasAccepted: digest => active.has(digest),
    accept(digest, answer) {
      refused.delete(digest)
      active.set(digest, answer)
    },
    refused: digest => current(refused, digest)?.refusal,
    refuse(digest, refusal, until) {
      if (refusal.reason === 'credential_invalid') active.delete(digest)
      refused.set(digest, { refusal, until })
      return refusal
    },
  }
}
