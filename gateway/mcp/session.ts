import { createHmac, timingSafeEqual } from 'node:crypto'

const separator = '.'

/** Binds legacy session ids to whom they were given, so that a leaked id is of no use to another key. */
export interface SessionBinding {
  /** The id that the client gets for the upstream's. */
  bind(upstreamId: string, principal: string, proxy: string): string
  /** The upstream's id; undefined where the id was not bound to this principal on this proxy. */
  unbind(clientId: string, principal: string, proxy: string): string | undefined
}

/**
 * Makes the binding (MCP 2025-11-25, Security Best Practices, Session Hijacking): the client's id is the
 * upstream's with an HMAC-SHA-256 over it, the principal and the proxy. Nothing is stored, and every replica
 * with the same secret accepts it.
 *
 * @param secret the key of the HMAC
 */
export function createSessionBinding(secret: string | Buffer): SessionBinding {
  const seal = (upstreamId: string, principal: string, proxy: string): string =>
    createHmac('sha256', secret)
      .update(JSON.stringify([upstreamId, principal, proxy]))
      .digest('base64url')
  return {
    bind: (upstreamId, principal, proxy) => upstreamId + separator + seal(upstreamId, principal, proxy),
    unbind(clientId, principal, proxy) {
      const at = clientId.lastIndexOf(separator)
      if (at <= 0) return undefined
      const upstreamId = clientId.slice(0, at)
      const expected = Buffer.from(seal(upstreamId, principal, proxy))
      const given = Buffer.from(clientId.slice(at + 1))
      return given.length === expected.length && timingSafeEqual(given, expected) ? upstreamId : undefined
    },
  }
}
