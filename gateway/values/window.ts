import { whyMalformed } from './formats.ts'
import { parseInstant } from './units.ts'

/** When something is valid: as it begins, and until it ends; in milliseconds since 1970, infinite where nothing is said. */
export interface Window {
  readonly begins: number
  readonly ends: number
}

/** What a secret is worth at an instant. */
export type State = 'valid' | 'disabled' | 'expired' | 'early'

/** What a key or a secret says of it. */
interface Bounds {
  readonly notBefore?: string | undefined
  readonly expires?: string | undefined
}

/**
 * The window that a key or a secret states for itself.
 *
 * @param unset called with a bound that depends on a variable that is not set here; when it returns, that is none.
 *   Without it, a MalformedError is thrown, as for every text that is no instant
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

/** The window of a secret within that of its key, which bounds it; see windowOf. */
export function secretWindow(key: Bounds, secret: Bounds, unset?: (text: string) => void): Window {
  const [outer, inner] = [windowOf(key, unset), windowOf(secret, unset)]
  return { begins: Math.max(outer.begins, inner.begins), ends: Math.min(outer.ends, inner.ends) }
}

/** What a secret with this window is worth at an instant; `disabled` is said of its key. */
export function stateAt({ begins, ends }: Window, disabled: boolean, now: number): State {
  if (disabled) return 'disabled'
  if (now >= ends) return 'expired'
  return now < begins ? 'early' : 'valid'
}
