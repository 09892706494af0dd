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
 * Finds out who sends a request. Which auth method decides is told by the credential that is presented; one
 * that is presented and wrong is never overlooked in favour of another.
 *
 * @param now milliseconds since the epoch
 * @param revocations what is refused whatever the proxy accepts
 * @returns the principal, the auth method that vouches for it (none on a proxy that is open), and the access token that
 *   it was proved with, if it was one; a promise of them only where somebody has to be waited for
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

/** Whose a credential is that several methods read: the least wins. `other` are methods that know no shape. */
const ranks = { own: 0, kind: 1, other: 2, no: 3 } as const

/**
 * Leaves each header to the method that its credential belongs to by its shape. Methods that know no shape are not
 * told apart: what two of them read stays ambiguous.
 */
function byShape(presented: readonly Presented[]): readonly Presented[] {
  if (presented.length < 2) return presented
  const best = new Map<string, { rank: number; authenticator: Authenticator }>()
  const ranked = presented.map(one => {
    const { authenticator, credential } = one
    const rank = ranks[authenticator.recognises?.(credential) ?? 'other']
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

function describe({ challenge, ofConnection }: Authenticator): string {
  if (ofConnection === true) return 'a client certificate'
  const { in: place, name } = challenge.parameters
  if (name === undefined) return `Authorization: ${challenge.scheme} KEY`
  return challenge.scheme === 'ApiKey' ? `a key in the ${place} ${name}` : `${name}: ${challenge.scheme} KEY`
}
