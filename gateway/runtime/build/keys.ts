import { setImmediate as nextTurn } from 'node:timers/promises'
import { createKeyring, type Keyring } from '../../auth/api-key/keyring.ts'
import {
  createSlowHash,
  createSlowSearch,
  slowHashesOf,
  type SlowHash,
} from '../../auth/api-key/slow-hashes.ts'
import type { Trust } from '../../auth/trust.ts'
import { keysOf, type Handover } from '../../config/handover.ts'
import type { Hold } from '../../lib/usage-pool.ts'
import type { BuildDependencies } from './dependencies.ts'

/** Compiles the API keys of a configuration, a few hundred in one turn of the event loop. */
export async function buildKeyring(
  { keys: texts }: Handover,
  clientTrust: Trust | undefined,
  pepper: string | undefined,
  hold: Hold,
  { slowHashes, argon2Queue }: Pick<BuildDependencies, 'slowHashes' | 'argon2Queue'>,
): Promise<Keyring> {
  const slow: SlowHash[] = []
  const keyring = createKeyring(clientTrust, pepper, createSlowSearch(slow, argon2Queue))
  for (const text of texts) {
    const keys = keysOf(text)
    keyring.add(keys)
    for (const hash of slowHashesOf(keys)) {
      slow.push(hold(slowHashes.acquire(hash, () => createSlowHash(hash))))
    }
    await nextTurn()
  }
  return keyring
}
