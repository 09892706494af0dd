import type { CertificateGrant, JwtAuth, TokenGrant } from '../../../schema/config.ts'
import { skewOf } from '../checks/check-jwt.ts'
import { takesTokens } from '../../values/auth-type.ts'
import { isLoopback } from '../../values/hosts.ts'
import type { WholeContext } from './whole-context.ts'
import type { Path } from '../document/pointer.ts'
import { reportAt } from '../checks/check-context.ts'

const maxSkewMs = 5 * 60_000

/** Warns of grants that fit everybody, and of auth methods without grants. */
export function lintGrants(context: WholeContext): void {
  for (const [name, method] of Object.entries(context.config.auth)) {
    if (!('grants' in method)) continue
    if (method.grants.length === 0) {
      reportAt(context, 'GH2011', ['auth', name], {
        message: 'the tokens of this auth method get no role',
        help: 'add `grants`, such as `[{when: {scopes: [mcp:read]}, roles: [reader]}]`',
        part: 'key',
      })
    }
    for (const [index, grant] of method.grants.entries()) {
      if (
        !(takesTokens(method)
          ? fitsEveryToken(grant as TokenGrant)
          : fitsEveryCertificate(grant as CertificateGrant))
      )
        continue
      const who = takesTokens(method) ? 'token that its issuer signs' : 'certificate that its CA signs'
      reportAt(context, 'GH2004', ['auth', name, 'grants', index], {
        message: `every ${who} gets these roles`,
        help: 'restrict the grant in `when`',
      })
    }
  }
}

// Claims that every token of an issuer has.
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

/** Warns of keys in URLs, of key sets without TLS, and of a large clock skew. */
export function lintMethods(context: WholeContext): void {
  for (const [name, method] of Object.entries(context.config.auth)) {
    const path: Path = ['auth', name]
    if (method.type === 'api-key' && method.in === 'query') {
      reportAt(context, 'GH2010', [...path, 'in'], {
        message: 'keys in URLs end up in histories and in logs',
        help: 'read keys from a header: `in: header`',
      })
    }
    if (takesTokens(method)) lintIssuer(context, path, method)
  }
}

function lintIssuer(context: WholeContext, path: Path, { issuer, jwks, clockSkew }: JwtAuth): void {
  const source = jwks === undefined ? { url: issuer, at: ['issuer'] } : { url: jwks.url, at: ['jwks', 'url'] }
  if (source.url?.startsWith('http://') && !isLoopback(URL.parse(source.url)?.hostname ?? 'localhost')) {
    reportAt(context, 'GH2009', [...path, ...source.at], {
      message: 'the keys that verify tokens come over http, where others can replace them',
      help: 'write `https://`, or keep the keys in a file: `jwks: {file: path}`',
    })
  }
  if (skewOf(clockSkew) <= maxSkewMs) return
  reportAt(context, 'GH2104', [...path, 'clockSkew'], {
    message: 'expired tokens are accepted for more than 5 minutes',
    help: 'synchronise the clocks, and write `1m` or `2m`',
  })
}
