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

/** Fetched keys of an issuer. They outlive the snapshots that use them. */
export interface IssuerKeys extends TokenKeys {
  /** Auth method that uses them. */
  readonly method: string
  /** Returns the seconds since they were last fetched; undefined if they never were. */
  age(): number | undefined
  close(): void
}

/** Clock and timer, which tests replace. */
export interface Clock {
  /** Returns milliseconds. Only differences matter. */
  now(this: void): number
  /** Calls `act` after a delay. Returns a function that cancels it. */
  after(this: void, milliseconds: number, act: () => void): () => void
}

/** Source of a key set. */
export interface KeySource {
  readonly method: string
  /** Fetches the text of the key set. */
  fetch(this: void): Promise<string>
  /**
   * Reports the outcome of a fetch.
   *
   * @param error present if the fetch failed
   */
  fetched(this: void, error?: unknown): void
  /** Releases the resources that fetching needs. */
  close(this: void): void
}

const refreshIntervalMs = 10 * 60_000
const firstRetryDelayMs = 1000
const maxRetryDelayMs = 60_000
/** Shortest time between two fetches for unknown keys, so that made-up keys do not load the issuer. */
const unknownKeyIntervalMs = 30_000
const maxStaleMs = 24 * 3_600_000
/** Longest wait of a request: once for the very first keys, twice for an unknown key. */
const waitTimeoutMs = 2000

/** System clock. Its timers do not keep the process alive. */
const systemClock: Clock = {
  now: () => performance.now(),
  after(milliseconds, act) {
    const timer = setTimeout(act, milliseconds)
    timer.unref()
    return () => clearTimeout(timer)
  },
}

/**
 * Fetches the keys of an issuer: now and every ten minutes, sooner after a failure, and when a token names an unknown key.
 * While the issuer is unavailable, the last key set stays in use for a day.
 */
export function createIssuerKeys(source: KeySource, clock: Clock = systemClock): IssuerKeys {
  const fetcher = createFetcher(source, clock)
  let askedAt = -Infinity

  async function verifyOnce(token: Jws): Promise<{ outcome: SignatureOutcome; under: number }> {
    const first = fetcher.first()
    if (first !== undefined) await first
    const { keys, generation, fetchedAt } = fetcher.state
    if (keys === undefined || clock.now() - fetchedAt > maxStaleMs) {
      throw new Refusal('issuer_keys_missing')
    }
    return { outcome: await keys.verify(token), under: generation }
  }

  /** Fetches the keys for a token with an unknown key. Returns false when it is too soon to do so again. */
  async function refetch(): Promise<boolean> {
    if (!fetcher.isFetching()) {
      if (clock.now() - askedAt < unknownKeyIntervalMs) return false
      askedAt = clock.now()
    }
    await withTimeout(clock, fetcher.renew())
    return true
  }

  return {
    method: source.method,
    generation: () => fetcher.state.generation,
    age() {
      const { keys, fetchedAt } = fetcher.state
      return keys === undefined ? undefined : (clock.now() - fetchedAt) / 1000
    },
    async verify(token) {
      let { outcome, under } = await verifyOnce(token)
      // Twice, because a fetch that was already running may have read an older key set.
      for (let round = 0; outcome === 'unknown' && round < 2; round++) {
        if (under === fetcher.state.generation && !(await refetch())) break
        ;({ outcome, under } = await verifyOnce(token))
      }
      assertGood(outcome)
    },
    close: () => fetcher.close(),
  }
}

interface FetchState {
  readonly keys: KeySet | undefined
  /** Changes when the key set changes. */
  readonly generation: number
  /** Time of the last fetch, by the clock. */
  readonly fetchedAt: number
}

interface Fetcher {
  readonly state: FetchState
  isFetching(): boolean
  /** Waits for the very first fetch; undefined when it is over. */
  first(): Promise<void> | undefined
  /** Fetches now, or joins a running fetch. */
  renew(): Promise<void>
  close(): void
}

/** Starts to fetch, and fetches again and again until it is closed. */
function createFetcher(source: KeySource, clock: Clock): Fetcher {
  let state: FetchState = { keys: undefined, generation: 0, fetchedAt: -Infinity }
  let text = ''
  let failures = 0
  let closed = false
  let fetching: Promise<void> | undefined
  let cancelTimer = (): void => {}
  void renew()

  function renew(): Promise<void> {
    fetching ??= fetchOnce().finally(() => {
      fetching = undefined
      const wait =
        failures === 0
          ? refreshIntervalMs
          : Math.min(firstRetryDelayMs * 2 ** (failures - 1), maxRetryDelayMs)
      if (!closed) cancelTimer = clock.after(wait, () => void renew())
    })
    return fetching
  }

  async function fetchOnce(): Promise<void> {
    cancelTimer()
    try {
      const fresh = await source.fetch()
      const keys = fresh === text ? state.keys : readKeySet(fresh)
      const generation = keys === state.keys ? state.generation : generationOf(fresh)
      state = { keys, generation, fetchedAt: clock.now() }
      ;[text, failures] = [fresh, 0]
      source.fetched()
    } catch (error) {
      failures++
      if (!closed) source.fetched(error)
    }
  }

  return {
    get state() {
      return state
    },
    isFetching: () => fetching !== undefined,
    first() {
      if (state.keys !== undefined || failures > 0 || fetching === undefined) return undefined
      return withTimeout(clock, fetching)
    },
    renew,
    close() {
      closed = true
      cancelTimer()
      source.close()
    },
  }
}

async function withTimeout(clock: Clock, work: Promise<void>): Promise<void> {
  const late = Promise.withResolvers<void>()
  const cancelTimer = clock.after(waitTimeoutMs, late.resolve)
  await Promise.race([work, late.promise])
  cancelTimer()
}
