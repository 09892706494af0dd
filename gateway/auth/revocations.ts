import { revocationId } from '../values/revocation-id.ts'
import type { RevocationEntries } from '../values/revocation-id.ts'
import { Refusal } from '../mcp/errors.ts'
import type { Principal } from './principal.ts'

/** The credentials that are refused, whatever the configuration says. */
export interface Revocations {
  /** Number of entries. */
  readonly size: number
  /** Throws a Refusal `credential_invalid` if the credential of this principal was revoked. */
  check(this: void, principal: Principal): void
}

/** Revocations without entries. */
export const noRevocations: Revocations = { size: 0, check() {} }

/** Returns the revocations with these entries. */
export function createRevocations(entries: RevocationEntries): Revocations {
  if (entries.size === 0) return noRevocations
  return {
    size: entries.size,
    check(principal) {
      for (const id of idsOf(principal)) {
        const place = entries.get(id)
        if (place === undefined) continue
        throw new Refusal('credential_revoked', {
          rule: `revocations:${place}`,
          principal: principal.name,
        })
      }
    },
  }
}

function* idsOf({ kind, name, secret, issuer, claims, certificate }: Principal): Generator<string> {
  if (kind === 'key') yield revocationId.key(name)
  if (secret !== undefined) {
    yield revocationId.secret(secret.hash)
    if (secret.sha256 !== undefined) yield revocationId.secret(secret.sha256)
  }
  if (issuer !== undefined && claims !== undefined) {
    const { sub, client_id: client, azp, jti } = claims
    if (sub !== undefined) yield revocationId.subject(issuer, String(sub))
    if (client !== undefined) yield revocationId.client(issuer, String(client))
    if (azp !== undefined) yield revocationId.client(issuer, String(azp))
    if (jti !== undefined) yield revocationId.token(issuer, String(jti))
    const bound = (claims['cnf'] as { readonly 'x5t#S256'?: unknown } | undefined | null)?.['x5t#S256']
    if (typeof bound === 'string') {
      yield revocationId.certificate(Buffer.from(bound, 'base64url').toString('hex'))
    }
  }
  if (certificate !== undefined) yield revocationId.certificate(certificate.digest)
}
