import { readElements, readTime, tags, type Element } from './der.ts'

/** Contents of a certificate revocation list (RFC 5280 §5). */
export interface RevocationList {
  /** Name of the issuer in DER, as hex: the same as the issuer in the certificates that it revokes. */
  readonly issuer: string
  readonly thisUpdate: number
  /** Infinity if it is absent. */
  readonly nextUpdate: number
  /** Serial numbers as the hex of their bytes. */
  readonly revoked: ReadonlySet<string>
}

/**
 * Reads one list in PEM. Does not verify the signature: node:tls does that in every handshake.
 *
 * @throws RangeError if the text is not a revocation list
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
 * Returns the issuer and the serial number of a certificate in DER, in the same form as revocation lists.
 *
 * @throws RangeError if the bytes are not a certificate
 */
export function issuerAndSerial(certificate: Buffer): { issuer: string; serial: string } {
  const [whole] = readElements(certificate)
  const [body] = readElements(expect(whole, tags.sequence).content)
  const fields = readElements(expect(body, tags.sequence).content)
  // Certificates of version 1 do not contain the version.
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
