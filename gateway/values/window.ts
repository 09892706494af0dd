import { whyMalformed } from './formats.ts'
import { parseInstant } from './units.ts'

/** Time in which something is valid, from its beginning to just before its end. Milliseconds since 1970; infinite without a bound. */
export interface Window {
  readonly begins: number
  readonly ends: number
}

/** State of a secret at an instant. */
export type State = 'valid' | 'disabled' | 'expired' | 'early'

/** Bounds of a key or a secret, as written. */
interface Bounds {
  readonly notBefore?: string | undefined
  readonly expires?: string | undefined
}

/**
 * Returns the window of a key or a secret by its own bounds.
 *
 * @param unset called with a bound that depends on a missing variable. If it returns, there is no such bound
 * @throws MalformedError for a malformed bound, if `unset` is not given
 */
export function windowOf({ notBefore, expires }: Bounds, unset?: (text: string) => void): Window {
  const read = (text: string | undefined, missing: number): number => {
    if (text === undefined) return missing
    if (unset === undefined || whyMalformed('instant', text) === undefined) return parseInstant(text)
    unset(text)
    return missing
  }
  const ends = read(expires, Infinity)
  return { begins: read(notBefore, -Infinity), ends }
}

/** Returns the window of a secret, limited by that of its key; see windowOf. */
export function secretWindow(key: Bounds, secret: Bounds, unset?: (text: string) => void): Window {
  const [outer, inner] = [windowOf(key, unset), windowOf(secret, unset)]
  return { begins: Math.max(outer.begins, inner.begins), ends: Math.min(outer.ends, inner.ends) }
}

/** Returns the state of a secret at an instant. `disabled` is the state of its key. */
export function stateAt({ begins, ends }: Window, disabled: boolean, now: number): State {
  if (disabled) return 'disabled'
  if (now >= ends) return 'expired'
  return now < begins ? 'early' : 'valid'
}

/** A key as far as its state matters. */
interface KeyBounds extends Bounds {
  readonly disabled: boolean
  readonly secrets: readonly Bounds[]
}

/** Returns whether a key has a secret that is valid, or that will be. A bound that depends on a missing variable is none. */
export function isUsable(key: KeyBounds, now: number): boolean {
  return !key.disabled && key.secrets.some(secret => now < secretWindow(key, secret, () => {}).ends)
}
