import type { Config } from '../../../schema/config.ts'
import { isArgon2, parseArgon2 } from '../../values/argon2.ts'
import { fitsArgon2 } from './argon2.ts'
import type { Trials } from './argon2-queue.ts'

/** A hash that is slow to try, and what was found out about it; it outlives the snapshots that use it. */
export interface SlowHash {
  /** As it stands in gateway.yaml. */
  readonly text: string
  /** Whether it is of the secret with this fingerprint; undefined where that was not tried, or long ago. */
  known(fingerprint: string): boolean | undefined
  /** Tries a secret, and remembers what came of it. */
  try(secret: string, fingerprint: string): Promise<boolean>
}

/**
 * Finds the hash of a secret, among those of one snapshot; undefined where there is none. It is a promise only where
 * something has to be tried.
 *
 * @param address where the secret came from
 * @throws Refusal, or rejects with one: `overloaded` where it cannot be tried now
 */
export type SlowSearch = (secret: string, address: string) => string | undefined | Promise<string | undefined>

const mostWrong = 1000

/** The hashes of a configuration that are slow to try. */
export function slowHashesOf(keys: Config['keys']): string[] {
  return Object.values(keys).flatMap(({ secrets }) => secrets.map(({ hash }) => hash).filter(isArgon2))
}

/** Nothing is known of it. The secret that fits is never forgotten, of those that do not the last thousand. */
export function createSlowHash(text: string): SlowHash {
  const hash = parseArgon2(text)
  const wrong = new Set<string>()
  let right: string | undefined
  return {
    text,
    known: fingerprint => (fingerprint === right ? true : wrong.has(fingerprint) ? false : undefined),
    async try(secret, fingerprint) {
      const fits = await fitsArgon2(secret, hash)
      if (fits) right = fingerprint
      else if (wrong.add(fingerprint).size > mostWrong) wrong.delete(wrong.keys().next().value!)
      return fits
    },
  }
}

/** Requests with one secret are one trial, and what is known is not tried again. */
export function createSlowSearch(hashes: readonly SlowHash[], trials: Trials): SlowSearch {
  const flights = new Map<string, Promise<string | undefined>>()
  return (secret, address) => {
    if (hashes.length === 0) return undefined
    const fingerprint = trials.fingerprint(secret)
    const known = hashes.find(hash => hash.known(fingerprint) === true)
    if (known !== undefined) return known.text
    const untried = hashes.filter(hash => hash.known(fingerprint) === undefined)
    if (untried.length === 0) return undefined
    const flying = flights.get(fingerprint)
    if (flying !== undefined) return flying
    const flight = trials
      .run(address, async () => {
        for (const hash of untried) if (await hash.try(secret, fingerprint)) return hash.text
        return undefined
      })
      .finally(() => flights.delete(fingerprint))
    flights.set(fingerprint, flight)
    return flight
  }
}
