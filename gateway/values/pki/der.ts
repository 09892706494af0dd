/** An element of DER: its tag byte, its content, and all its bytes. */
export interface Element {
  readonly tag: number
  readonly content: Buffer
  readonly whole: Buffer
}

/** Tags that readers of certificates need (X.680 §8.6). */
export const tags = { integer: 0x02, sequence: 0x30, utcTime: 0x17, generalizedTime: 0x18 } as const

/**
 * Returns a sequence of elements in DER (X.690 §8.1), without those inside them.
 *
 * @throws RangeError if the bytes are not DER
 */
export function readElements(bytes: Buffer): Element[] {
  const elements: Element[] = []
  for (let start = 0; start < bytes.length;) {
    const tag = byteAt(bytes, start)
    let at = start + 2
    let length = byteAt(bytes, start + 1)
    if ((tag & 0x1f) === 0x1f || length === 0x80 || length > 0x84)
      throw new RangeError('an unsupported tag or length')
    if (length > 0x80) {
      const count = length & 0x7f
      length = 0
      for (let index = 0; index < count; index++) length = length * 256 + byteAt(bytes, at++)
    }
    if (at + length > bytes.length) throw new RangeError('an element is cut off')
    elements.push({
      tag,
      content: bytes.subarray(at, at + length),
      whole: bytes.subarray(start, at + length),
    })
    start = at + length
  }
  return elements
}

/**
 * Returns the instant of a UTCTime or GeneralizedTime of a certificate (RFC 5280 §4.1.2.5), in milliseconds since 1970;
 * NaN for a malformed one.
 */
export function readTime({ tag, content }: Element): number {
  const digits = content.toString('latin1')
  const text = tag === tags.utcTime ? (digits < '5' ? `20${digits}` : `19${digits}`) : digits
  const [, ...parts] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text) ?? []
  const [year, month, day, hour, minute, second] = parts
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
}

function byteAt(bytes: Buffer, index: number): number {
  const byte = bytes[index]
  if (byte === undefined) throw new RangeError('an element is cut off')
  return byte
}
