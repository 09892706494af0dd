/** One element of DER: its tag byte, what is in it, and all of it. */
export interface Element {
  readonly tag: number
  readonly content: Buffer
  readonly whole: Buffer
}

/** The tags that are looked at (X.680 §8.6). */
export const tags = { integer: 0x02, sequence: 0x30, utcTime: 0x17, generalizedTime: 0x18 } as const

/**
 * The elements that stand one after another in DER (X.690 §8.1), not what is within them.
 *
 * @throws RangeError where the bytes are not DER
 */
export function readElements(bytes: Buffer): Element[] {
  const elements: Element[] = []
  for (let start = 0; start < bytes.length;) {
    const tag = byteAt(bytes, start)
    let at = start + 2
    let length = byteAt(bytes, start + 1)
    if ((tag & 0x1f) === 0x1f || length === 0x80 || length > 0x84)
      throw new RangeError('a form that is not expected')
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
 * The instant of a UTCTime or GeneralizedTime as certificates write it (RFC 5280 §4.1.2.5), in milliseconds since the
 * epoch; NaN where it is none.
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
