import { isIP } from 'node:net'
import { MalformedError } from './malformed.ts'

/** A range of addresses. */
export interface Network {
  readonly address: string
  /** Bits. */
  readonly prefix: number
  readonly family: 'ipv4' | 'ipv6'
}

/** Parses an address, or a network in CIDR notation (RFC 4632, RFC 4291 §2.3). Throws MalformedError. */
export function parseNetwork(text: string): Network {
  const [, address = '', bits] = /^([0-9A-Fa-f:.]+)(?:\/([0-9]{1,3}))?$/.exec(text) ?? []
  const version = isIP(address)
  const maxPrefix = version === 4 ? 32 : 128
  const prefix = bits === undefined ? maxPrefix : Number(bits)
  if (version === 0 || prefix > maxPrefix) {
    throw new MalformedError(
      'not a valid network',
      'write an address, or an address and a prefix, such as `10.0.0.0/8` or `::1`',
    )
  }
  return { address, prefix, family: version === 4 ? 'ipv4' : 'ipv6' }
}
