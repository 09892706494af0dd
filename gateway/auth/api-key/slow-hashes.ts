import type { Config } from '../../../schema/config.ts'
import { createBoundedMap } from '../../lib/bounded-map.ts'
import { isArgon2, parseArgon2 } from '../../values/argon2.ts'
import { fitsArgon2 } from './argon2.ts'
import type { Argon2Queue } from './argon2-queue.ts'

/** A hash that is slow to try, and what was found out about it; it outlives the snapshots that use it. */
export interface SlowHash {
  /** As it stands in gateway.yaml. */
  readonly text: string
  /** Whether it is of the secret with this mac; undefined where that was not tried, or long ago. */
  known(mac: string): boolean | undefined
  /** Tries a secret, and remembers what came of it. */
  try(secret: string, mac: string): Promise<boolean>
}

/**
 * Finds the hash of a secret, among those of one snapshot; undefined where there is none. It is a promise only where
 * something has to be tried.
 *
 * @param address where the secret came from
 * @throws Refusal, or rejects with one: `overloaded` where it cannot be tried now
 */
export type SlowSearch = (secret: string, address: string) => string | undefined | Promise<string | undefined>

const maxWrongSecrets = 1000

/** The hashes of a configuration that are slow to try. */
export function slowHashesOf(keys: Config['keys']): string[] {
  return Object.values(keys).flatMap(({ secrets }) => secrets.map(({ hash }) => hash).filter(isArgon2))
}

/** Nothing is known of it. The secret that fits is never forgotten, of those that do not the last thousand. */
export function createSlowHash(text: string): SlowHash {
  const hash = parseArgon2(text)
  const wrong = createBoundedMap<string, true>(maxWrongSecrets)
  let right: string | undefined
  return {
    text,
    known: mac => (mac === right ? true : wrong.has(mac) ? false : undefined),
    async try(secret, mac) {
      const fits = await fitsArgon2(secret, hash)
      if (fits) right = mac
      else wrong.set(mac, true)
      return fits
    },
  }
}

/** Requests with one secret are one trial, and what is known is not tried again. */
export function createSlowSearch(hashes: readonly SlowHash[], argon2Queue: Argon2Queue): SlowSearch {
  const flights = new Map<string, Promise<string | undefined>>()
  return (secret, address) => {
    if (hashes.length === 0) return undefined
    const mac = argon2Queue.mac(secret)
    const known = hashes.find(hash => hash.known(mac) === true)
    if (known !== undefined) return known.text
    const untried = hashes.filter(hash => hash.known(mac) === undefined)
    if (untried.length === 0) return undefined
    const flying = flights.get(mac)
    if (flying !== undefined) return flying
    const flight = argon2Queue
      .run(address, async () => {
        for (const hash of untried) if (await hash.try(secret, mac)) return hash.text
        return undefined
      })
      .finally(() => flights.delete(mac))
    flights.set(mac, flight)
    return flight
  }
}
