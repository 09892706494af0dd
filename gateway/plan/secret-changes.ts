import type { KeySecret } from '../../schema/config.ts'
import { toPointer } from '../config/document/pointer.ts'
import type { Change } from './change.ts'
import { begins, ends } from './orders.ts'

/**
 * Returns the changes of the secrets of a key. A new secret is a new way in, for whoever has it. Hashes are not shown: that of
 * a weak secret would confirm guesses.
 */
export function secretChanges(
  name: string,
  before: readonly KeySecret[],
  after: readonly KeySecret[],
): Change[] {
  const path = toPointer(['keys', name, 'secrets'])
  const changes: Change[] = []
  const was = new Map(before.map(secret => [secret.hash, secret]))
  for (const secret of after) {
    const old = was.get(secret.hash)
    was.delete(secret.hash)
    if (old === undefined) changes.push({ risk: 'widens', path, message: `key ${name} has a new secret` })
    else {
      const messages = {
        expires: `a secret of key ${name} expires at another time`,
        notBefore: `a secret of key ${name} becomes valid at another time`,
      }
      for (const field of ['expires', 'notBefore'] as const) {
        if (old[field] === secret[field]) continue
        const order = field === 'expires' ? ends : begins
        for (const risk of order(old[field], secret[field]))
          changes.push({ risk, path, message: messages[field] })
      }
    }
  }
  for (let left = was.size; left > 0; left--)
    changes.push({ risk: 'narrows', path, message: `key ${name} loses a secret` })
  return changes
}
