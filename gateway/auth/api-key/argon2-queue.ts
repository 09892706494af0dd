import { createHmac, randomBytes } from 'node:crypto'
import { Refusal } from '../../mcp/errors.ts'
import { createSemaphore } from '../../lib/semaphore.ts'
import { createFailures } from './failures.ts'

/** Where secrets are tried against slow hashes: never too many at once, nor too often for one address. */
export interface Argon2Queue {
  /** What a secret is remembered by: an HMAC under a key of this thread, so that memory gives no secret away. */
  mac(secret: string): string
  /**
   * Waits for room, then tries.
   *
   * @param trial resolves with nothing where the secret was wrong, which counts against the address
   * @throws Refusal `overloaded`, at once, where too many wait or too many from this address were wrong
   */
  run<Found>(address: string, trial: () => Promise<Found | undefined>): Promise<Found | undefined>
  /** Refuses whatever waits. */
  close(): void
}

/** Node has four threads for this, for files and for names; and each may need 256 MiB. */
const maxRunning = 2
const maxWaiting = 64

/** Begins with no failures, and a random key. */
export function createArgon2Queue(): Argon2Queue {
  const key = randomBytes(32)
  const failures = createFailures()
  const semaphore = createSemaphore(maxRunning, [{ maxRunning, maxWaiting }])

  return {
    mac: secret => createHmac('sha256', key).update(secret).digest('base64url'),
    run(address, trial) {
      if (semaphore.isFull(0)) {
        throw new Refusal('keys_checked')
      }
      const wait = failures.count(address)
      if (wait > 0) {
        throw new Refusal('keys_failed', { headers: { 'retry-after': String(Math.ceil(wait / 1000)) } })
      }
      return semaphore.run(0, async () => {
        const found = await trial()
        if (found !== undefined) failures.forgive(address)
        return found
      })
    },
    close: () => semaphore.rejectWaiting(new Refusal('stopping')),
  }
}
