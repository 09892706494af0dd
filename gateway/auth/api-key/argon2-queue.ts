import { createHmac, randomBytes } from 'node:crypto'
import { Refusal } from '../../mcp/errors.ts'
import { createSemaphore } from '../../lib/semaphore.ts'
import { createFailures } from './failures.ts'

/** Tries secrets against slow hashes: never too many at once, and not too often for one address. */
export interface Argon2Queue {
  /** Returns the HMAC of a secret under a random key of this worker, so that no secret is kept in memory. */
  mac(secret: string): string
  /**
   * Waits for its turn, then tries.
   *
   * @param verify resolves with undefined for a wrong secret, which counts against the address
   * @throws Refusal `overloaded`, at once, if too many wait or too many from this address were wrong
   */
  run<Found>(address: string, verify: () => Promise<Found | undefined>): Promise<Found | undefined>
  /** Refuses everything that waits. */
  close(): void
}

/** Node has four threads for this, for files and for DNS, and each hash may need 256 MiB. */
const maxRunning = 2
const maxWaiting = 64

/** Creates a queue with a random key and no failures. */
export function createArgon2Queue(): Argon2Queue {
  const macKey = randomBytes(32)
  const failures = createFailures()
  const semaphore = createSemaphore(maxRunning, [{ maxRunning, maxWaiting }])

  return {
    mac: secret => createHmac('sha256', macKey).update(secret).digest('base64url'),
    run(address, verify) {
      if (semaphore.isFull(0)) {
        throw new Refusal('keys_checked')
      }
      const wait = failures.count(address)
      if (wait > 0) {
        throw new Refusal('keys_failed', { headers: { 'retry-after': String(Math.ceil(wait / 1000)) } })
      }
      return semaphore.run(0, async () => {
        const found = await verify()
        if (found !== undefined) failures.forgive(address)
        return found
      })
    },
    close: () => semaphore.rejectWaiting(new Refusal('stopping')),
  }
}
