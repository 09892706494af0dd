import type { Introspection } from '../auth/token/introspected-token.ts'
import type { Claims } from '../auth/jws.ts'
import { Refusal } from '../mcp/errors.ts'
import { createBoundedMap, type BoundedMap } from '../lib/bounded-map.ts'
import { createAdmission, TooManyQuestions } from './introspection-admission.ts'
import { IntrospectionFailed, type IntrospectionAnswer } from './introspection-endpoint.ts'

/** What came of a question, for who counts them. */
export type IntrospectionResult = 'active' | 'inactive' | 'failed' | 'unauthorized' | 'limited'

/** Who is asked about tokens, and who is told of each question. */
export interface IntrospectionSource {
  /** Rejects with an IntrospectionFailed. */
  ask(this: void, token: string): Promise<IntrospectionAnswer>
  /** @param failure what went wrong, if anything did */
  asked(this: void, result: IntrospectionResult, failure?: IntrospectionFailed): void
}

/** Milliseconds that an answer counts. */
const activeFor = 60_000
const inactiveFor = 10_000
const failedFor = 1000
const most = 10_000
/** Characters of all answers together: what is kept of them takes many times the room. */
const maxCachedLength = 4 * 1024 * 1024

/**
 * Remembers what an issuer says of tokens: for a minute that one is active, for ten seconds that it is not, for a second
 * that it did not say. However many wait for one answer, it is asked once. The oldest answers make room.
 *
 * @param now milliseconds since the epoch
 */
export function createIntrospection(
  source: IntrospectionSource,
  now: () => number = () => Date.now(),
): Introspection {
  const active = createBoundedMap<string, { claims: Claims; until: number; length: number }>(most, {
    maxWeight: maxCachedLength,
    weigh: ({ length }) => length,
  })
  const refused = createBoundedMap<string, { refusal: Refusal; until: number }>(most)
  const asking = new Map<string, Promise<Claims>>()
  const admission = createAdmission(now)

  function refuse(digest: string, refusal: Refusal, until: number): Refusal {
    refused.set(digest, { refusal, until })
    return refusal
  }

  async function question(token: string, digest: string, stranger: boolean): Promise<Claims> {
    try {
      const { claims, length, asked } = await admission.admit(stranger, async () => {
        const asked = now()
        const answer = await source.ask(token).catch((error: unknown) => {
          if (error instanceof IntrospectionFailed && error.kind === 'unreachable') admission.dismiss(error)
          throw error
        })
        return { ...answer, asked }
      })
      source.asked(claims === undefined ? 'inactive' : 'active')
      if (claims !== undefined) {
        refused.delete(digest)
        active.set(digest, { claims, until: asked + activeFor, length })
        return claims
      }
      active.delete(digest)
      throw refuse(digest, new Refusal('token_inactive'), asked + inactiveFor)
    } catch (error) {
      if (error instanceof TooManyQuestions) {
        source.asked('limited')
        throw new Refusal('token_not_introspected')
      }
      if (!(error instanceof IntrospectionFailed)) throw error
      source.asked(error.kind === 'unauthorized' ? 'unauthorized' : 'failed', error)
      throw refuse(digest, new Refusal('token_not_introspected'), now() + failedFor)
    }
  }
  function begin(token: string, digest: string, stranger: boolean): Promise<Claims> {
    const running = asking.get(digest)
    if (running !== undefined) return running
    const begun = question(token, digest, stranger).finally(() => asking.delete(digest))
    asking.set(digest, begun)
    return begun
  }
  function cached<Entry extends { until: number }>(
    entries: BoundedMap<string, Entry>,
    digest: string,
  ): Entry | undefined {
    const entry = entries.get(digest)
    return entry !== undefined && now() < entry.until ? entry : undefined
  }

  return {
    async ask(token, digest) {
      const known = cached(active, digest)
      if (known !== undefined) return known.claims
      const no = cached(refused, digest)
      if (no !== undefined) throw no.refusal
      return begin(token, digest, !active.has(digest))
    },
    recall(token, digest) {
      const known = cached(active, digest)
      if (known !== undefined) return known
      const no = cached(refused, digest)
      if (no?.refusal.reason === 'credential_invalid') throw no.refusal
      // Something is open on it, so it was active, even where that had to make room or was said to another client.
      if (no === undefined) begin(token, digest, false).catch(() => {})
      return undefined
    },
  }
}
