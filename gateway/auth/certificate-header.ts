import { lastElement } from './forwarded-client-cert.ts'

/** Elements of Envoy's header begin with one of its keys. No other form contains an equals sign so early. */
const envoy = /^\s*(?:By|Hash|Cert|Chain|Subject|URI|DNS)=/i
/** RFC 9440 §2.1: one byte sequence. */
const byteSequence = /^:([A-Za-z0-9+/]+={0,2}):$/
const base64 = /^\s*([A-Za-z0-9+/]+={0,2})\s*$/
/** A certificate in PEM, and what may separate it from the next. An encoder of forms writes a space as `+`. */
const pemBlock = /-----BEGIN[ +]CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END[ +]CERTIFICATE-----[\s,]*/y

/**
 * Returns the DER of the client certificate in a header of a proxy in front of the gateway: PEM, URL-encoded or not (nginx,
 * Apache, AWS); base64 DER (HAProxy, Caddy, Traefik); a byte sequence (RFC 9440); or the last element of Envoy's
 * X-Forwarded-Client-Cert. Of several certificates, only the first counts: it is the client's, and the rest is its chain.
 *
 * @returns undefined if the text has none of these forms; `none` for an element of Envoy without a certificate
 */
export function certificateIn(text: string): Buffer | 'none' | undefined {
  if (!envoy.test(text)) return decode(firstOf(text))
  const element = lastElement(text)
  if (element === undefined) return undefined
  const forwarded = element.get('cert') ?? element.get('chain')
  return forwarded === undefined || forwarded === '' ? 'none' : decode(firstOf(forwarded))
}

function decode(content: string | undefined): Buffer | undefined {
  return content === undefined ? undefined : Buffer.from(content, 'base64')
}

/** Returns the base64 of the first certificate; undefined if anything in the text is not a certificate. */
function firstOf(text: string): string | undefined {
  const sequence = byteSequence.exec(text)?.[1]
  if (sequence !== undefined) return sequence
  const plain = unescaped(text)
  if (plain === undefined) return undefined
  if (plain.includes('-----')) return firstBlock(plain)
  const parts = plain.split(',').map(part => base64.exec(part)?.[1])
  return parts.includes(undefined) ? undefined : parts[0]
}

function firstBlock(text: string): string | undefined {
  let first: string | undefined
  pemBlock.lastIndex = text.length - text.trimStart().length
  do {
    const block = pemBlock.exec(text)
    if (block === null) return undefined
    first ??= block[1]
  } while (pemBlock.lastIndex < text.length)
  return first
}

function unescaped(text: string): string | undefined {
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
