import { createBoundedMap } from '../../lib/bounded-map.ts'

/** Wrong secrets, by the address that they came from. */
export interface Failures {
  /**
   * Counts one, before it is known to be wrong.
   *
   * @returns 0; or, where there were too many, the milliseconds until the next may come, and then it is not counted
   */
  count(address: string): number
  /** Takes one back that was not wrong. */
  forgive(address: string): void
}

/** More than there can be `argon2id:` hashes, so that all who hold one may come at once from one address. */
const atOnce = 20
const oneEvery = 10_000
const most = 10_000

/**
 * Counts wrong secrets: 20 at once and one more every ten seconds, for an IPv4 address or an IPv6 network of 64 bits, which
 * is what one customer gets. Of 10 000 addresses; then the one forgets that was quiet for longest.
 *
 * @param now milliseconds; only differences matter
 */
export function createFailures(now: () => number = () => performance.now()): Failures {
  /** When each will have been forgiven everything. The one that counted last stands last. */
  const until = createBoundedMap<string, number>(most)
  return {
    count(address) {
      const client = clientOf(address)
      const instant = now()
      const begins = Math.max(until.get(client) ?? instant, instant)
      const wait = begins - instant - (atOnce - 1) * oneEvery
      if (wait > 0) return wait
      until.set(client, begins + oneEvery)
      return 0
    },
    forgive(address) {
      const client = clientOf(address)
      const left = until.get(client)
      if (left !== undefined) until.set(client, left - oneEvery)
    },
  }
}

function clientOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '').split('%', 1)[0]!
  if (!plain.includes(':')) return plain
  const [head = [], tail = []] = plain.split('::').map(part => (part === '' ? [] : part.split(':')))
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => '0')
  return [...head, ...zeros, ...tail].slice(0, 4).join(':')
}
