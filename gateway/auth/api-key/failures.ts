import { BoundedMap } from '../../lib/bounded-map.ts'

/** Counts wrong secrets by the address that they came from. */
export interface Failures {
  /**
   * Counts a secret before it is known to be wrong.
   *
   * @returns 0 if it was counted; if there were too many, the milliseconds until the next one may come
   */
  count(address: string): number
  /** Takes back a secret that was not wrong. */
  forgive(address: string): void
}

/** Exceeds the number of `argon2id:` hashes that a configuration may have, so that all their holders may share an address. */
const maxBurst = 20
const refillIntervalMs = 10_000
const maxAddresses = 10_000

/**
 * Allows 20 wrong secrets at once and one more every ten seconds, per IPv4 address or IPv6 network of 64 bits, which is what
 * one customer gets. Tracks 10 000 addresses; the least recently counted is dropped first.
 *
 * @param now returns milliseconds; only differences matter
 */
export function createFailures(now: () => number = () => performance.now()): Failures {
  /** The instants at which addresses have no failures left. The most recently counted comes last. */
  const until = new BoundedMap<string, number>(maxAddresses)
  return {
    count(address) {
      const client = clientOf(address)
      const instant = now()
      const begins = Math.max(until.get(client) ?? instant, instant)
      const wait = begins - instant - (maxBurst - 1) * refillIntervalMs
      if (wait > 0) return wait
      until.set(client, begins + refillIntervalMs)
      return 0
    },
    forgive(address) {
      const client = clientOf(address)
      const left = until.get(client)
      if (left !== undefined) until.set(client, left - refillIntervalMs)
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
