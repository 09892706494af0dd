import type { CertificateGrant, JwtAuth, TokenGrant } from '../../../schema/config.ts'
import { skewOf } from '../checks/check-jwt.ts'
import { takesTokens } from '../../values/auth-type.ts'
import { isLoopback } from '../../values/hosts.ts'
import type { WholeContext } from './whole-context.ts'
import type { Path } from '../document/pointer.ts'
import { reportAt } from '../checks/check-context.ts'

const widestSkew = 5 * 60_000

/** Grants are for somebody, not for all; and where tokens are taken there are some. */
export function lintGrants(context: WholeContext): void {
  for (const [name, method] of Object.entries(context.config.auth)) {
    if (!('grants' in method)) continue
    if (method.grants.length === 0) {
      const message = 'its tokens are accepted and may do nothing; say under `grants` who gets which roles'
      reportAt(context, 'GH2011', ['auth', name], message, { part: 'key' })
    }
    for (const [index, grant] of method.grants.entries()) {
      if (
        !(takesTokens(method)
          ? fitsEveryToken(grant as TokenGrant)
          : fitsEveryCertificate(grant as CertificateGrant))
      )
        continue
      const who = takesTokens(method) ? 'token that its issuer signs' : 'certificate that its CA signs'
      const message = `every ${who} gets these roles; say in \`when\` whose`
      reportAt(context, 'GH2004', ['auth', name, 'grants', index], message)
    }
  }
}

// Of these two every token of the issuer has one.
const always = new Set(['iss', 'sub'])

function fitsEveryToken({ when: { claims = {}, scopes } }: TokenGrant): boolean {
  return (
    scopes === undefined &&
    Object.entries(claims).every(([claim, wanted]) => always.has(claim) && [wanted].flat().includes('*'))
  )
}

function fitsEveryCertificate({ when: { san, subject, fingerprint } }: CertificateGrant): boolean {
  const any = (patterns: string | string[] | undefined): boolean =>
    patterns === undefined || [patterns].flat().includes('*')
  return fingerprint === undefined && any(san) && any(subject)
}

/** Credentials come where they are not written down, and what they are verified with comes unforged. */
export function lintMethods(context: WholeContext): void {
  for (const [name, method] of Object.entries(context.config.auth)) {
    const path: Path = ['auth', name]
    if (method.type === 'api-key' && method.in === 'query') {
      const message =
        'a key in the URL ends up in histories and in the logs of whatever is in between; use a header where clients can'
      reportAt(context, 'GH2010', [...path, 'in'], message)
    }
    if (takesTokens(method)) lintIssuer(context, path, method)
  }
}

function lintIssuer(context: WholeContext, path: Path, { issuer, jwks, clockSkew }: JwtAuth): void {
  const source = jwks === undefined ? { url: issuer, at: ['issuer'] } : { url: jwks.url, at: ['jwks', 'url'] }
  if (source.url?.startsWith('http://') && !isLoopback(URL.parse(source.url)?.hostname ?? 'localhost')) {
    const message =
      'the keys that tokens are verified with come over http, where anyone on the way can put in their own; write https://, or keep them in a file: `jwks: {file: path}`'
    reportAt(context, 'GH2009', [...path, ...source.at], message)
  }
  if (skewOf(clockSkew) <= widestSkew) return
  const message =
    'expired tokens are accepted for that long; set the clocks by NTP, and write a minute or two'
  reportAt(context, 'GH2104', [...path, 'clockSkew'], message)
}
