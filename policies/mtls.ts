import { timingSafeEqual } from 'node:crypto'
import { nameOf, type ClientCertificate } from '../gateway/auth/certificate.ts'
import type { Authenticator, IdentityPolicy } from './policy.ts'
import type { Principal } from '../gateway/auth/principal.ts'
import { createTrust, type Trust } from '../gateway/auth/trust.ts'
import { explainVerificationError } from '../gateway/auth/verification-error.ts'
import { parseFingerprint } from '../gateway/values/fingerprint.ts'
import { matchGlob, parseGlob, type Glob } from '../gateway/values/glob.ts'
import { Refusal } from '../gateway/mcp/errors.ts'
import type { CertificateGrant, MtlsAuth } from '../schema/config.ts'
import { forwardedCertificates } from './mtls-header.ts'

/**
 * Accepts client certificates: of the connection, or from a header if TLS ends in front of the gateway. A certificate belongs
 * to the connection, so it decides only if the request carries no other credential.
 *
 * A challenge must name a scheme. None is registered for certificates (RFC 9110 §16.4.1), so `Certificate` is our own.
 */
export const mtls: IdentityPolicy<MtlsAuth> = {
  kind: 'mtls',
  stage: 'identity',
  header: headerOf,
  create(options, { name: method, secrets, clientTrust }): Authenticator {
    const { grants, from } = options
    const trust =
      from === undefined
        ? clientTrust
        : createTrust(secrets(from.ca), from.crl === undefined ? undefined : secrets(from.crl))
    const forwarded = from === undefined ? undefined : forwardedCertificates(from)
    const rules = grants.map(compileGrant)

    const accepted = (presented: ClientCertificate, now: number): Principal => {
      check(presented, trust, now)
      return {
        kind: 'certificate',
        name: nameOf(presented),
        roles: [...new Set(rules.flatMap(({ matches, roles }) => (matches(presented) ? roles : [])))],
        grantedBy: `/auth/${method}/grants`,
        expires: presented.notAfter,
        digest: presented.digest,
        certificate: presented,
      }
    }
    return {
      method,
      header: headerOf(options),
      ofConnection: true,
      challenge: { scheme: 'Certificate', parameters: {} },
      credential: head => (forwarded === undefined ? head.clientCertificate()?.digest : forwarded.find(head)),
      authenticate(credential, now, head) {
        const presented = forwarded === undefined ? head.clientCertificate() : forwarded.read(credential)
        if (presented === undefined) throw new Refusal('certificate_unreadable')
        return accepted(presented, now)
      },
      review({ certificate }, now) {
        if (certificate === undefined) throw new Refusal('certificate_unknown')
        return accepted(certificate, now)
      },
    }
  },
}

function headerOf({ from }: MtlsAuth): string {
  return from?.header.toLowerCase() ?? ''
}

function check(presented: ClientCertificate, trust: Trust | undefined, now: number): void {
  const problem = trust === undefined ? 'untrusted' : trust.problemOf(presented, now)
  if (problem !== undefined) {
    // Any other problem is that of a certificate of a trusted CA.
    const principal = problem === 'untrusted' ? undefined : nameOf(presented)
    throw new Refusal(`certificate_${problem}`, { principal })
  }
  if (presented.refused !== undefined) {
    const why = explainVerificationError(presented.refused)
    throw new Refusal('certificate_refused', { values: { why } })
  }
}

interface Rule {
  readonly roles: readonly string[]
  matches(presented: ClientCertificate): boolean
}

function compileGrant({ when, roles }: CertificateGrant): Rule {
  const names = when.san === undefined ? undefined : [when.san].flat().map(compileName)
  const subject = when.subject === undefined ? undefined : parseGlob(when.subject)
  const fingerprint =
    when.fingerprint === undefined ? undefined : Buffer.from(parseFingerprint(when.fingerprint), 'hex')
  return {
    roles,
    matches: presented =>
      (names === undefined || names.some(matches => matches(presented))) &&
      (subject === undefined || (presented.subject !== '' && matchGlob(subject, presented.subject))) &&
      (fingerprint === undefined || timingSafeEqual(fingerprint, Buffer.from(presented.digest, 'hex'))),
  }
}

/** Compiles a pattern for names. Its form gives their kind, so that a pattern for DNS names does not match an email address. */
function compileName(pattern: string): (presented: ClientCertificate) => boolean {
  const any = (glob: Glob, names: readonly string[]): boolean => names.some(name => matchGlob(glob, name))
  if (pattern === '*') return ({ names }) => names.uri.length + names.dns.length + names.email.length > 0
  if (pattern.includes(':')) {
    const glob = parseGlob(pattern)
    return ({ names }) => any(glob, names.uri)
  }
  if (pattern.includes('@')) {
    const glob = parseGlob(pattern)
    return ({ names }) => any(glob, names.email)
  }
  const glob = parseGlob(pattern.toLowerCase())
  return ({ names }) => any(glob, names.dns)
}
