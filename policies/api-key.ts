import { isUtf8 } from 'node:buffer'
import { fromHeader, mistakeIn } from '../gateway/auth/header-credential.ts'
import type { Verdict } from '../gateway/auth/api-key/keyring.ts'
import type { Principal } from '../gateway/auth/principal.ts'
import type { Authenticator, IdentityPolicy } from './policy.ts'
import type { RequestHead } from '../gateway/auth/request-head.ts'
import { schemeOf } from '../gateway/values/api-key-place.ts'
import { Refusal } from '../gateway/mcp/errors.ts'
import type { ApiKeyAuth } from '../schema/config.ts'

/** Accepts API keys in a header, a cookie or the query. */
export const apiKey: IdentityPolicy<ApiKeyAuth> = {
  kind: 'api-key',
  stage: 'identity',
  header: headerOf,
  create(options, { keyring, name: method }): Authenticator {
    const { in: place, name } = options
    const header = headerOf(options)
    const scheme = schemeOf(options)
    const read = {
      header: (head: RequestHead) => fromHeader(textOf(head.headers[header]), scheme),
      cookie: (head: RequestHead) => fromCookie(textOf(head.headers.cookie), name),
      query: (head: RequestHead) => fromQuery(head.query, name),
    }[place]
    return {
      method,
      header,
      challenge: {
        scheme: scheme || 'ApiKey',
        // A scheme in Authorization is standard; any other place is described to the client.
        parameters: header === 'authorization' && scheme !== '' ? {} : { in: place, name },
      },
      credential: read,
      ...(place === 'header' && scheme === '' && { recognizes: takesRest }),
      authenticate(credential, now, head) {
        const verdict = keyring.verify(credential, now, head.clientCertificate, head.remoteAddress)
        return verdict instanceof Promise
          ? verdict.then(late => accepted(late, credential))
          : accepted(verdict, credential)
      },
      review: (principal, now) => accepted(keyring.review(principal, now), ''),
    }
  },
}

/** A key without a scheme: a value with the scheme of another method belongs to that method. */
function takesRest(): 'rest' {
  return 'rest'
}

function headerOf({ in: place, name }: ApiKeyAuth): string {
  return { header: name.toLowerCase(), cookie: 'cookie', query: '' }[place]
}

/** @param presented the credential; empty for a principal that was accepted before */
function accepted(verdict: Verdict, presented: string): Principal {
  if (verdict.outcome === 'valid') return verdict.principal
  if (verdict.outcome === 'unknown') throw new Refusal(mistakeIn(presented) ?? 'key_unknown')
  throw new Refusal(`key_${verdict.outcome}`, { principal: verdict.principal.name })
}

/** Decodes a header as UTF-8 if it is valid. Node makes one character of each byte, but users hash the text that they typed. */
function textOf(value: string | string[] | undefined): string | undefined {
  const text = Array.isArray(value) ? value.join(', ') : value
  if (text === undefined || Buffer.byteLength(text) === text.length) return text
  const bytes = Buffer.from(text, 'latin1')
  return isUtf8(bytes) ? bytes.toString() : text
}

function fromCookie(cookies: string | undefined, name: string): string | undefined {
  return single(
    (cookies ?? '')
      .split(';')
      .map(pair => pair.trim())
      .filter(pair => pair.startsWith(`${name}=`))
      .map(pair => pair.slice(name.length + 1)),
  )
}

function fromQuery(query: string, name: string): string | undefined {
  return query === '' ? undefined : single(new URLSearchParams(query).getAll(name))
}

/** Returns the one value; an empty text, which no key matches, for several. */
function single(values: string[]): string | undefined {
  return values.length > 1 ? '' : values[0]
}
