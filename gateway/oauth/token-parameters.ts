import type { UpstreamAuth } from '../../schema/config.ts'
import type { Subject } from '../http/exchange/tokens.ts'

/** RFC 8693 §3. */
const tokenTypes = {
  access_token: 'urn:ietf:params:oauth:token-type:access_token',
  jwt: 'urn:ietf:params:oauth:token-type:jwt',
} as const

/** Accepted types of an exchanged token. */
export const issuedTypes: ReadonlySet<unknown> = new Set(Object.values(tokenTypes))

/** Returns the resource in the configuration; undefined if it names none. */
export function namedResource({ resource }: Pick<UpstreamAuth, 'resource'>): string | undefined {
  return resource === 'none' ? undefined : resource
}

/** Returns whether a token request has a resource. Some authorization servers, such as Microsoft Entra, refuse one. */
export function sendsResource({ resource, audience }: Pick<UpstreamAuth, 'resource' | 'audience'>): boolean {
  return resource === undefined ? audience === undefined : resource !== 'none'
}

/** Returns the parameters of a token request: RFC 6749 §4.4.2 with RFC 8707 §2, or RFC 8693 §2.1 without the subject. */
export function tokenParameters(auth: UpstreamAuth, upstreamUrl: string): Readonly<Record<string, string>> {
  const { scope, audience } = auth
  // Resource and audience both name targets, and a token is for all of them.
  const resource = namedResource(auth) ?? (sendsResource(auth) ? upstreamUrl : undefined)
  const asked = {
    ...(resource !== undefined && { resource }),
    ...(scope !== undefined && { scope }),
    ...(audience !== undefined && { audience }),
  }
  if (auth.type === 'client-credentials') return { grant_type: 'client_credentials', ...asked }
  return {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    ...asked,
    requested_token_type: tokenTypes[auth.requestedTokenType],
  }
}

/** Returns the parameters of the token to exchange (RFC 8693 §2.1). */
export function subjectParameters({ token }: Subject): Readonly<Record<string, string>> {
  return { subject_token: token, subject_token_type: tokenTypes.access_token }
}
