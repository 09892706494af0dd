import {
  assertGood,
  generationOf,
  readKeySet,
  type KeySet,
  type SignatureOutcome,
  type TokenKeys,
} from '../auth/token/token-keys.ts'
import type { Jws } from '../auth/jws.ts'
import { Refusal } from '../mcp/errors.ts'

/** The keys of an issuer that are fetched; they outlive the snapshots that use them. */
export interface IssuerKeys extends TokenKeys {
  /** The auth method that they are fetched for. */
  readonly method: string
  /** Seconds since they were last fetched; undefined where they never were. */
  age(): number | undefined
  close(): void
}

/** Time, as far as keys go by it. */
export interface Clock {
  /** Milliseconds; only differences matter. */
  now(this: void): number
  /** Does something after a while; returns how to call it off. */
  after(this: void, milliseconds: number, act: () => void): () => void
}

/** Where keys come from, and who is told of each attempt. */
export interface KeySource {
  readonly method: string
  /** The text of the key set. */
  fetch(this: void): Promise<string>
  /** @param error what went wrong, if anything did */
  fetched(this: void, error?: unknown): void
  /** Lets go of what fetching needs. */
  close(this: void): void
}

const refreshEvery = 10 * 60_000
const firstRetry = 1000
const maxRetryDelayMs = 60_000
/** Between two fetches because of keys that nobody knows, so that made-up ones cost the issuer nothing. */
const askEvery = 30_000
const maxStaleMs = 24 * 3_600_000
/** How long a request waits at a time: once for the very first keys, twice for one that is not among them. */
const waitTimeoutMs = 2000

/** The system's own clock; what it waits for keeps no process alive. */
const systemClock: Clock = {
  now: () => performance.now(),
  after(milliseconds, act) {
    const timer = setTimeout(act, milliseconds)
    timer.unref()
    return () => clearTimeout(timer)
  },
}

/**
 * Fetches the keys of an issuer: now and every ten minutes, sooner where that failed, and when a token names a key that
 * is not among them. What was fetched last is good for a day while the issuer is away.
 */
export function createIssuerKeys(source: KeySource, clock: Clock = systemClock): IssuerKeys {
  let keys: KeySet | undefined
  let text = ''
  let generation = 0
  let fetchedAt = -Infinity
  let askedAt = -Infinity
  let failures = 0
  let closed = false
  let fetching: Promise<void> | undefined
  let callOff = (): void => {}
  void renew()

  function renew(): Promise<void> {
    fetching ??= fetchOnce().finally(() => {
      fetching = undefined
      const wait = failures === 0 ? refreshEvery : Math.min(firstRetry * 2 ** (failures - 1), maxRetryDelayMs)
      if (!closed) callOff = clock.after(wait, () => void renew())
    })
    return fetching
  }

  async function fetchOnce(): Promise<void> {
    callOff()
    try {
      const fresh = await source.fetch()
      const read = fresh === text ? keys : readKeySet(fresh)
      if (read !== keys) generation = generationOf(fresh)
      ;[keys, text, fetchedAt, failures] = [read, fresh, clock.now(), 0]
      source.fetched()
    } catch (error) {
      failures++
      if (!closed) source.fetched(error)
    }
  }

  async function verifyOnce(token: Jws): Promise<{ outcome: SignatureOutcome; under: number }> {
    if (keys === undefined && failures === 0 && fetching !== undefined) await atMost(waitTimeoutMs, fetching)
    const under = generation
    if (keys === undefined || clock.now() - fetchedAt > maxStaleMs) {
      throw new Refusal('issuer_keys_missing')
    }
    return { outcome: await keys.verify(token), under }
  }

  /** Whether the keys may be others now than they were a moment ago. */
  async function asked(): Promise<boolean> {
    if (fetching === undefined) {
      if (clock.now() - askedAt < askEvery) return false
      askedAt = clock.now()
    }
    await atMost(waitTimeoutMs, renew())
    return true
  }

  async function atMost(milliseconds: number, work: Promise<void>): Promise<void> {
    const late = Promise.withResolvers<void>()
    const callOff = clock.after(milliseconds, late.resolve)
    await Promise.race([work, late.promise])
    callOff()
  }

  return {
    method: source.method,
    generation: () => generation,
    age: () => (keys === undefined ? undefined : (clock.now() - fetchedAt) / 1000),
    async verify(token) {
      let { outcome, under } = await verifyOnce(token)
      // Twice, because a fetch that was under way already may have read what the issuer said before.
      for (let round = 0; outcome === 'unknown' && round < 2; round++) {
        if (under === generation && !(await asked())) break
        ;({ outcome, under } = await verifyOnce(token))
      }
      assertGood(outcome)
    },
    close() {
      closed = true
      callOff()
      source.close()
    },
  }
}
