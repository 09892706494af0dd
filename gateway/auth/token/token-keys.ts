import { hash } from 'node:crypto'
import { compactVerify, createLocalJWKSet, errors, type JSONWebKeySet } from 'jose'
import { parseKeySet } from '../../values/pki/key-set.ts'
import { Refusal } from '../../mcp/errors.ts'
import type { Jws } from '../jws.ts'

/** The public keys of one issuer, from a URL or a file. */
export interface TokenKeys {
  /** Returns a number that changes whenever the key set changes; 0 as long as there is none. */
  generation(): number
  /**
   * Verifies the signature of a token whose algorithm was accepted. Rejects with a Refusal: `credential_invalid`, or
   * `keys_unavailable` if there are no keys.
   */
  verify(token: Jws): Promise<void>
}

/** The result of verifying a signature; `unknown` if no key matches the token's header. */
export type SignatureOutcome = 'good' | 'bad' | 'unknown'

/** A version of an issuer's key set. */
export interface KeySet {
  verify(token: Jws): Promise<SignatureOutcome>
}

const maxKeysTried = 8

/** Parses a key set (RFC 7517). A `kid` is only looked up in it. Throws MalformedError. */
export function readKeySet(text: string): KeySet {
  const find = createLocalJWKSet({ keys: parseKeySet(text) } as JSONWebKeySet)
  return {
    async verify({ text }) {
      try {
        await compactVerify(text, find)
        return 'good'
      } catch (error) {
        if (error instanceof errors.JWKSMultipleMatchingKeys) return tryEach(text, error)
        return error instanceof errors.JWKSNoMatchingKey ? 'unknown' : 'bad'
      }
    },
  }
}

// A token need not name its key. The bound keeps such tokens from causing unlimited work.
async function tryEach(text: string, keys: errors.JWKSMultipleMatchingKeys): Promise<SignatureOutcome> {
  let tries = 0
  for await (const key of keys) {
    if (tries++ === maxKeysTried) break
    const good = await compactVerify(text, key).then(
      () => true,
      () => false,
    )
    if (good) return 'good'
  }
  return 'bad'
}

/** Returns the generation of the key set with this text. */
export function generationOf(text: string): number {
  return Number.parseInt(hash('sha256', text).slice(0, 12), 16) + 1
}

/** Returns the keys of a file. They change only with the configuration. Throws MalformedError. */
export function fixedKeys(text: string): TokenKeys {
  const keys = readKeySet(text)
  const generation = generationOf(text)
  return {
    generation: () => generation,
    async verify(token) {
      assertGood(await keys.verify(token))
    },
  }
}

/** Throws a Refusal `credential_invalid` unless the signature is valid. */
export function assertGood(outcome: SignatureOutcome): void {
  if (outcome === 'unknown') throw new Refusal('token_unknown_key')
  if (outcome === 'bad') throw new Refusal('token_signature')
}
