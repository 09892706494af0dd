import { X509Certificate } from 'node:crypto'
import { issuerAndSerial, readRevocationList, type RevocationList } from '../values/pki/crl.ts'
import { pemBlocks } from '../values/pki/pem.ts'
import type { ClientCertificate } from './certificate.ts'

/** The reason why a certificate is not accepted. */
export type Problem = 'untrusted' | 'revoked' | 'unchecked' | 'early' | 'expired' | 'usage'

/** The CAs of one snapshot that issue client certificates, and their revocation lists. */
export interface Trust {
  /** Returns the problem of a certificate at an instant in milliseconds since the epoch; undefined if it is valid. */
  problemOf(presented: ClientCertificate, now: number): Problem | undefined
}

const clientAuthentication = '1.3.6.1.5.5.7.3.2'
/** Longest certification path that is tried. */
const maxPathLength = 8

/** Caches, by certificate and issuer, whether a signature is valid. That never changes, so it outlives snapshots. */
const verified = new WeakMap<X509Certificate, WeakMap<X509Certificate, boolean>>()

/**
 * Compiles CA certificates and revocation lists, both valid PEM.
 *
 * TLS judges a handshake once, by the CAs and lists of that time. Connections and streams outlive reloads, so a certificate
 * is judged again under every snapshot that it is used with. If TLS ends in front of the gateway, it is judged only here.
 */
export function createTrust(ca: string, crl: string | undefined): Trust {
  const anchors = pemBlocks(ca, 'CERTIFICATE').map(pem => new X509Certificate(pem))
  const lists = crl === undefined ? undefined : pemBlocks(crl, 'X509 CRL').map(readRevocationList)

  return {
    problemOf({ certificate, chain, notBefore, notAfter }, now) {
      if (!leadsToAnchor(certificate, chain, now)) return 'untrusted'
      const revocation = lists && revocationOf(certificate, lists, now)
      if (revocation !== undefined) return revocation
      if (now < notBefore) return 'early'
      if (now >= notAfter) return 'expired'
      // RFC 5280 §4.2.1.12: a certificate that lists its uses is for no other use.
      const usages = certificate.keyUsage as readonly string[] | undefined
      return usages === undefined || usages.includes(clientAuthentication) ? undefined : 'usage'
    },
  }

  /** Visits every certificate of the chain at most once, so that the time is bounded. */
  function leadsToAnchor(leaf: X509Certificate, chain: readonly X509Certificate[], now: number): boolean {
    const left = new Set(chain.slice(0, maxPathLength).filter(({ ca }) => ca))
    for (const below of reachable(leaf, left, now)) {
      if (anchors.some(anchor => isGood(anchor, now) && isIssuedBy(below, anchor))) return true
    }
    return false
  }

  /** One anchor may be the CA of another, and may have revoked it since. */
  function isGood(anchor: X509Certificate, now: number): boolean {
    return isAt(anchor, now) && (lists === undefined || revocationOf(anchor, lists, now) !== 'revoked')
  }

  function* reachable(
    leaf: X509Certificate,
    left: Set<X509Certificate>,
    now: number,
  ): Generator<X509Certificate> {
    const found = [leaf]
    for (const below of found) {
      yield below
      for (const above of left) {
        if (!isAt(above, now) || !isIssuedBy(below, above)) continue
        left.delete(above)
        if (lists === undefined || revocationOf(above, lists, now) === undefined) found.push(above)
      }
    }
  }
}

function revocationOf(
  certificate: X509Certificate,
  lists: readonly RevocationList[],
  now: number,
): Problem | undefined {
  const { issuer, serial } = issuerAndSerial(certificate.raw)
  const about = lists.filter(list => list.issuer === issuer)
  if (about.some(({ revoked }) => revoked.has(serial))) return 'revoked'
  return about.some(({ nextUpdate }) => now < nextUpdate) ? undefined : 'unchecked'
}

function isAt({ validFromDate, validToDate }: X509Certificate, now: number): boolean {
  return validFromDate.getTime() <= now && now < validToDate.getTime()
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  const known = verified.get(certificate)?.get(issuer)
  if (known !== undefined) return known
  const holds = issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)
  const issuers = verified.get(certificate) ?? new WeakMap<X509Certificate, boolean>()
  verified.set(certificate, issuers.set(issuer, holds))
  return holds
}
