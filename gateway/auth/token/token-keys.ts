import { hash } from 'node:crypto'
import { compactVerify, createLocalJWKSet, errors, type JSONWebKeySet } from 'jose'
import { parseKeySet } from '../../values/pki/key-set.ts'
import { Refusal } from '../../mcp/errors.ts'
import type { Jws } from '../jws.ts'

/** The keys of one issuer, wherever they come from. */
export interface TokenKeys {
  /** Another number whenever the keys are others; 0 while there are none yet. */
  generation(): number
  /**
   * Checks the signature of a token whose algorithm was accepted. Rejects with a Refusal: `credential_invalid`, or
   * `keys_unavailable` where there are no keys to check it with.
   */
  verify(token: Jws): Promise<void>
}

/** What came of checking a signature: `unknown` where no key fits what the token's header says. */
export type SignatureOutcome = 'good' | 'bad' | 'unknown'

/** One state of an issuer's keys. */
export interface KeySet {
  verify(token: Jws): Promise<SignatureOutcome>
}

const maxKeysTried = 8

/** Reads a key set (RFC 7517). A `kid` is looked up in it and means nothing else. Throws MalformedError. */
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

// A token may leave its key unnamed; whoever sends one shall not have work done for it without end.
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

/** The number that the keys of this text go by, wherever they come from. */
export function generationOf(text: string): number {
  return Number.parseInt(hash('sha256', text).slice(0, 12), 16) + 1
}

/** Keys that stand in a file: they change with the configuration only. Throws MalformedError. */
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

/** @throws Refusal `credential_invalid` unless the signature is good */
export function assertGood(outcome: SignatureOutcome): void {
  if (outcome === 'unknown') throw new Refusal('token_unknown_key')
  if (outcome === 'bad') throw new Refusal('token_signature')
}
