import type { Config } from '../../../schema/config.ts'
import { BoundedMap } from '../../lib/bounded-map.ts'
import { isArgon2, parseArgon2 } from '../../values/argon2.ts'
import { verifyArgon2 } from './argon2.ts'
import type { Argon2Queue } from './argon2-queue.ts'

/** A hash that is slow to try, with the results so far. It outlives the snapshots that use it. */
export interface SlowHash {
  /** The hash as written in gateway.yaml. */
  readonly text: string
  /** Returns whether the secret with this MAC matches; undefined if it was never tried, or is no longer cached. */
  known(mac: string): boolean | undefined
  /** Tries a secret and caches the result. */
  try(secret: string, mac: string): Promise<boolean>
}

/**
 * Finds the hash of a secret among those of one snapshot; undefined if there is none. Returns a promise only if hashes must
 * be tried.
 *
 * @param address of the client
 * @throws Refusal, or rejects with one: `overloaded` if the secret cannot be tried now
 */
export type SlowSearch = (secret: string, address: string) => string | undefined | Promise<string | undefined>

const maxWrongSecrets = 1000

/** Returns the hashes of a configuration that are slow to try. */
export function slowHashesOf(keys: Config['keys']): string[] {
  return Object.values(keys).flatMap(({ secrets }) => secrets.map(({ hash }) => hash).filter(isArgon2))
}

/** Creates a slow hash without results. It caches the secret that matches, and the last thousand that do not. */
export function createSlowHash(text: string): SlowHash {
  const hash = parseArgon2(text)
  const wrong = new BoundedMap<string, true>(maxWrongSecrets)
  let right: string | undefined
  return {
    text,
    known: mac => (mac === right ? true : wrong.has(mac) ? false : undefined),
    async try(secret, mac) {
      const matches = await verifyArgon2(secret, hash)
      if (matches) right = mac
      else wrong.set(mac, true)
      return matches
    },
  }
}

/** Creates a search. Concurrent requests with one secret share one attempt, and cached results are not tried again. */
export function createSlowSearch(hashes: readonly SlowHash[], argon2Queue: Argon2Queue): SlowSearch {
  const inFlight = new Map<string, Promise<string | undefined>>()
  return (secret, address) => {
    if (hashes.length === 0) return undefined
    const mac = argon2Queue.mac(secret)
    const known = hashes.find(hash => hash.known(mac) === true)
    if (known !== undefined) return known.text
    const untried = hashes.filter(hash => hash.known(mac) === undefined)
    if (untried.length === 0) return undefined
    const pending = inFlight.get(mac)
    if (pending !== undefined) return pending
    const attempt = argon2Queue
      .run(address, async () => {
        for (const hash of untried) if (await hash.try(secret, mac)) return hash.text
        return undefined
      })
      .finally(() => inFlight.delete(mac))
    inFlight.set(mac, attempt)
    return attempt
  }
}
