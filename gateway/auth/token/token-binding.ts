import { timingSafeEqual } from 'node:crypto'
import { Refusal } from '../../mcp/errors.ts'
import { certificateThumbprint } from '../certificate.ts'
import type { Claims } from '../jws.ts'
import type { RequestHead } from '../request-head.ts'

const thumbprint = 'x5t#S256'

/**
 * Refuses a token that is bound (RFC 7800 `cnf`) to another certificate than that of the connection (RFC 8705 §3), or in a
 * way that the gateway cannot check.
 *
 * @throws Refusal `credential_invalid`
 */
export function checkBinding({ cnf }: Claims, head: Pick<RequestHead, 'clientCertificate'>): void {
  if (cnf === undefined) return
  const bindings = Object.entries(typeof cnf === 'object' && cnf !== null ? cnf : {})
  const [name, wanted] = bindings[0] ?? []
  if (bindings.length !== 1 || name !== thumbprint || typeof wanted !== 'string') {
    throw new Refusal('token_binding')
  }
  const presented = Buffer.from(certificateThumbprint(head) ?? '')
  const expected = Buffer.from(wanted)
  if (presented.length !== expected.length || !timingSafeEqual(presented, expected)) {
    throw new Refusal('token_unbound')
  }
}
