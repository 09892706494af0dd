// A default import, for the reason in values/argon2.ts.
import crypto from 'node:crypto'
import { writeArgon2, type Argon2Hash } from '../../values/argon2.ts'

/** The OWASP Password Storage Cheat Sheet's parameters for little memory; they take tens of milliseconds. */
const recommended = { memory: 19_456, passes: 2, parallelism: 1 }

/** Returns the hash for gateway.yaml of a secret that can be guessed: `argon2id:` and a PHC string with a random salt. */
export async function hashArgon2(secret: string): Promise<string> {
  const parameters = { ...recommended, salt: crypto.randomBytes(16) }
  return writeArgon2({ ...parameters, tag: await derive(secret, parameters, 32) })
}

/** Returns whether a hash is that of a secret (RFC 9106). Runs on the thread pool, not on the event loop. */
export async function verifyArgon2(secret: string, hash: Argon2Hash): Promise<boolean> {
  return crypto.timingSafeEqual(await derive(secret, hash, hash.tag.length), hash.tag)
}

function derive(
  message: string,
  { salt: nonce, memory, passes, parallelism }: Omit<Argon2Hash, 'tag'>,
  tagLength: number,
): Promise<Buffer> {
  const parameters = { message, nonce, memory, passes, parallelism, tagLength }
  return new Promise((resolve, reject) => {
    crypto.argon2('argon2id', parameters, (error, tag) => (error === null ? resolve(tag) : reject(error)))
  })
}
