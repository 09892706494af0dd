import { createHmac, hash, timingSafeEqual } from 'node:crypto'

const separator = '.'

/** The principal that a handle is given to, and the proxy that it is good for. */
export interface Owner {
  /** Names of the principal. A handle is sealed under the first, and opens under each. */
  readonly identities: readonly string[]
  readonly proxy: string
}

/** Kinds of handles. A handle of one kind never opens as another. */
export type HandleKind = 'session' | 'task' | 'state'

/** Seals the handles of the upstream, so that only the caller to whom they were given can use them. */
export interface Seals {
  /**
   * Seals a text. The same arguments give the same handle.
   *
   * @param about anything else that the handle is bound to, such as the operation that it continues
   */
  seal(kind: HandleKind, text: string, owner: Owner, ...about: readonly string[]): string
  /** Returns the sealed text; undefined for a handle of another kind, owner, proxy or `about`, and for any other text. */
  open(kind: HandleKind, handle: string, owner: Owner, ...about: readonly string[]): string | undefined
}

/**
 * Creates the seals of one secret (MCP 2025-11-25, Security Best Practices, Session Hijacking; MCP 2026-07-28, Multi
 * Round-Trip Requests, Server Requirements). A handle is the text and an HMAC-SHA-256 over its digest, its kind, its owner and
 * `about`. Nothing is stored, and every replica with the same secret opens it.
 *
 * @param secret the key of the HMAC
 */
export function createSeals(secret: string | Buffer): Seals {
  const sign = (...signed: readonly unknown[]): string =>
    createHmac('sha256', secret).update(JSON.stringify(signed)).digest('base64url')
  return {
    seal: (kind, text, { identities, proxy }, ...about) =>
      text + separator + sign(kind, digestOf(text), identities[0], proxy, about),
    open(kind, handle, { identities, proxy }, ...about) {
      const at = handle.lastIndexOf(separator)
      if (at <= 0) return undefined
      const text = handle.slice(0, at)
      const given = Buffer.from(handle.slice(at + 1))
      const digest = digestOf(text)
      const isSignedFor = (identity: string): boolean => {
        const expected = Buffer.from(sign(kind, digest, identity, proxy, about))
        return given.length === expected.length && timingSafeEqual(given, expected)
      }
      return identities.some(isSignedFor) ? text : undefined
    },
  }
}

/** Hashes the text once: it may be long, and is then signed for each secret of a key. */
function digestOf(text: string): string {
  return hash('sha256', text, 'base64url')
}
