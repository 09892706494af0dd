import type { TokenUnavailable } from '../http/exchange/tokens.ts'

/** Delays retries after a failure: half a second at first, then twice as long each time, up to 30 seconds. */
export interface BackOff {
  /** Last failure, while the delay lasts. */
  current(): TokenUnavailable | undefined
  failed(failure: TokenUnavailable): void
  succeeded(): void
}

const firstPauseMs = 500
const maxPauseMs = 30_000

/** @param now milliseconds since the epoch */
export function createBackOff(now: () => number): BackOff {
  let last: TokenUnavailable | undefined
  let pause = 0
  let until = -Infinity
  return {
    current: () => (now() < until ? last : undefined),
    failed(failure) {
      last = failure
      pause = Math.min(pause === 0 ? firstPauseMs : pause * 2, maxPauseMs)
      until = now() + pause
    },
    succeeded() {
      last = undefined
      pause = 0
      until = -Infinity
    },
  }
}
