import type { TokenUnavailable } from '../http/exchange/tokens.ts'

/** Leaves what failed alone: half a second at first, twice as long every time, up to 30 seconds. */
export interface BackOff {
  /** The last failure, while it is being waited out. */
  current(): TokenUnavailable | undefined
  failed(failure: TokenUnavailable): void
  succeeded(): void
}

const firstPause = 500
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
      pause = Math.min(pause === 0 ? firstPause : pause * 2, maxPauseMs)
      until = now() + pause
    },
    succeeded() {
      last = undefined
      pause = 0
      until = -Infinity
    },
  }
}
