import { readElements, readTime, tags, type Element } from './der.ts'

/** A certificate revocation list (RFC 5280 §5), as far as it says which certificates are revoked. */
export interface RevocationList {
  /** The issuer's name in DER, as hex: what stands as issuer in the certificates that it is about. */
  readonly issuer: string
  readonly thisUpdate: number
  /** Infinity where it does not say. */
  readonly nextUpdate: number
  /** Serial numbers as the hex of their bytes. */
  readonly revoked: ReadonlySet<string>
}

/**
 * Reads one list in PEM. Its signature is not verified here: node:tls does that in every handshake.
 *
 * @throws RangeError where it is no such list
 */
export function readRevocationList(pem: string): RevocationList {
  const [list] = readElements(derOf(pem))
  const [body] = readElements(expect(list, tags.sequence).content)
  const fields = readElements(expect(body, tags.sequence).content)
  if (fields[0]?.tag === tags.integer) fields.shift()
  const [, issuer, thisUpdate, ...rest] = fields
  const next = rest[0] !== undefined && isTime(rest[0]) ? rest.shift() : undefined
  const entries = rest[0]?.tag === tags.sequence ? readElements(rest[0].content) : []
  return {
    issuer: expect(issuer, tags.sequence).whole.toString('hex'),
    thisUpdate: instant(thisUpdate),
    nextUpdate: next === undefined ? Infinity : instant(next),
    revoked: new Set(
      entries.map(entry => expect(readElements(entry.content)[0], tags.integer).content.toString('hex')),
    ),
  }
}

/**
 * What a certificate in DER says of its issuer and its serial number, in the form in which lists have it.
 *
 * @throws RangeError where it is no certificate
 */
export function issuerAndSerial(certificate: Buffer): { issuer: string; serial: string } {
  const [whole] = readElements(certificate)
  const [body] = readElements(expect(whole, tags.sequence).content)
  const fields = readElements(expect(body, tags.sequence).content)
  // The version is left out of certificates of version 1.
  if (fields[0]?.tag !== tags.integer) fields.shift()
  const [serial, , issuer] = fields
  return {
    issuer: expect(issuer, tags.sequence).whole.toString('hex'),
    serial: expect(serial, tags.integer).content.toString('hex'),
  }
}

function derOf(pem: string): Buffer {
  return Buffer.from(pem.replaceAll(/-----[^-]*-----|\s/g, ''), 'base64')
}

function isTime({ tag }: Element): boolean {
  return tag === tags.utcTime || tag === tags.generalizedTime
}

function instant(element: Element | undefined): number {
  const time = element === undefined || !isTime(element) ? NaN : readTime(element)
  if (Number.isNaN(time)) throw new RangeError('a time is malformed')
  return time
}

function expect(element: Element | undefined, tag: number): Element {
  if (element?.tag !== tag) throw new RangeError('an element is missing')
  return element
}
