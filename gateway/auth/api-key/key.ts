import { createHmac, hash, randomBytes } from 'node:crypto'

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const shape = /^gate_([0-9A-Za-z]{43})_([0-9A-Za-z]{6})$/

/**
 * Generates a secret: `gate_`, 256 random bits as 43 base62 digits, `_`, and a checksum of 6 digits. Secret scanners find it
 * by its prefix. The checksum tells a typo from a wrong key.
 */
export function newSecret(): string {
  const digits = base62(BigInt(`0x${randomBytes(32).toString('hex')}`), 43)
  return `gate_${digits}_${checksum(digits)}`
}

/**
 * Returns the hash of a secret for gateway.yaml: `sha256:` and 64 hex digits or, with a pepper, `hmac-sha256:` and the hex
 * digits of the HMAC (RFC 2104).
 */
export function hashSecret(secret: string, pepper?: string): string {
  return pepper === undefined
    ? `sha256:${hash('sha256', secret)}`
    : `hmac-sha256:${createHmac('sha256', pepper).update(secret).digest('hex')}`
}

/** Returns whether a hash in gateway.yaml was made with a pepper. */
export function isPeppered(hash: string): boolean {
  return hash.startsWith('hmac-sha256:')
}

/** Returns whether a text has the form of a generated secret. */
export function looksLikeKey(text: string): boolean {
  return shape.test(text)
}

/** Returns whether a text has the form of a generated secret with the right checksum. */
export function hasGoodChecksum(text: string): boolean {
  const [, digits = '', found] = shape.exec(text) ?? []
  return checksum(digits) === found
}

function checksum(digits: string): string {
  const digest = hash('sha256', `gate_${digits}`)
  return base62(BigInt(`0x${digest.slice(0, 10)}`) % 62n ** 6n, 6)
}

function base62(value: bigint, width: number): string {
  let out = ''
  for (let index = 0; index < width; index++) {
    out = alphabet[Number(value % 62n)] + out
    value /= 62n
  }
  return out
}
