import type { Authenticator } from '../../../policies/policy.ts'
import type { RequestHead } from '../../auth/request-head.ts'
import { anonymous, type Principal } from '../../auth/principal.ts'
import type { Revocations } from '../../auth/revocations.ts'
import { Refusal } from '../../mcp/errors.ts'
import type { ServedProxy } from '../exchange/snapshot.ts'
import type { Subject } from '../exchange/tokens.ts'

export interface Identity {
  readonly principal: Principal
  readonly method: string | undefined
  readonly subject: Subject | undefined
}

/**
 * Authenticates a request. The presented credential selects the auth method; a wrong credential is never ignored in favor
 * of another one.
 *
 * @param now milliseconds since the epoch
 * @param revocations credentials that are refused whatever the proxy accepts
 * @returns the principal, its auth method (none on an open proxy), and its access token, if it has one; a promise only if
 *   the method has to wait
 * @throws Refusal, or rejects with one: `credential_missing`, `credential_invalid` or `credential_expired`
 */
export function identify(
  proxy: ServedProxy,
  head: RequestHead,
  now: number,
  revocations: Revocations,
): Identity | Promise<Identity> {
  if (proxy.access.open) return { principal: anonymous, method: undefined, subject: undefined }
  const ofRequest = presentedTo(proxy, head, false)
  const presented = ofRequest.length > 0 ? byShape(ofRequest) : presentedTo(proxy, head, true)
  const [first] = presented
  if (first === undefined) {
    const ways = new Set(proxy.authenticators.map(describe))
    throw new Refusal('credential_missing', { values: { ways: [...ways].join(', or ') } })
  }
  if (presented.length > 1) throw new Refusal('credentials_several')
  const principal = first.authenticator.authenticate(first.credential, now, head)
  return principal instanceof Promise
    ? principal.then(late => accepted(first, late, revocations))
    : accepted(first, principal, revocations)
}

function accepted(
  { authenticator, credential }: Presented,
  principal: Principal,
  revocations: Revocations,
): Identity {
  if (revocations.size > 0) revocations.check(principal)
  const { kind, expires } = principal
  const subject = kind === 'token' ? { token: credential, expires } : undefined
  return { principal, method: authenticator.method, subject }
}

interface Presented {
  readonly authenticator: Authenticator
  readonly credential: string
}

function presentedTo(proxy: ServedProxy, head: RequestHead, ofConnection: boolean): Presented[] {
  const presented: Presented[] = []
  for (const authenticator of proxy.authenticators) {
    if ((authenticator.ofConnection === true) !== ofConnection) continue
    const credential = authenticator.credential(head)
    if (credential !== undefined) presented.push({ authenticator, credential })
  }
  return presented
}

/** When several methods read the same header, the lowest rank wins. `other` is for methods that accept any form. */
const ranks = { own: 0, kind: 1, other: 2, rest: 3, no: 4 } as const

/**
 * Assigns each header to the method that recognizes the form of its credential. If two methods that accept any form read the
 * same header, both remain, and the credential is ambiguous.
 */
function byShape(presented: readonly Presented[]): readonly Presented[] {
  if (presented.length < 2) return presented
  const best = new Map<string, { rank: number; authenticator: Authenticator }>()
  const ranked = presented.map(one => {
    const { authenticator, credential } = one
    const rank = ranks[authenticator.recognizes?.(credential) ?? 'other']
    const { header } = authenticator
    if (rank < (best.get(header)?.rank ?? Infinity)) best.set(header, { rank, authenticator })
    return { one, rank }
  })
  return ranked.flatMap(({ one, rank }) => {
    const winner = best.get(one.authenticator.header)
    const wins =
      winner?.authenticator === one.authenticator || (rank === ranks.other && winner?.rank === rank)
    return wins ? [one] : []
  })
}

function describe({ challenge, ofConnection, sentAs }: Authenticator): string {
  if (ofConnection === true) return 'a client certificate'
  if (sentAs !== undefined) return sentAs
  const { in: place, name } = challenge.parameters
  if (name === undefined) return `Authorization: ${challenge.scheme} KEY`
  return challenge.scheme === 'ApiKey' ? `a key in the ${place} ${name}` : `${name}: ${challenge.scheme} KEY`
}
