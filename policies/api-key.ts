import { isUtf8 } from 'node:buffer'
import { fromHeader } from '../gateway/auth/header-credential.ts'
import type { Verdict } from '../gateway/auth/api-key/keyring.ts'
import type { Principal } from '../gateway/auth/principal.ts'
import type { Authenticator, IdentityPolicy } from './policy.ts'
import type { RequestHead } from '../gateway/auth/request-head.ts'
import { schemeOf } from '../gateway/values/api-key-place.ts'
import { Refusal } from '../gateway/mcp/errors.ts'
import type { ApiKeyAuth } from '../schema/config.ts'

/** A shared secret in a header, a cookie or the query, looked up by its digest. */
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
        // A word in Authorization says it all; anything else a client has to be told.
        parameters: header === 'authorization' && scheme !== '' ? {} : { in: place, name },
      },
      credential: read,
      authenticate(credential, now, head) {
        const verdict = keyring.verify(credential, now, head.clientCertificate, head.remoteAddress)
        return verdict instanceof Promise ? verdict.then(accepted) : accepted(verdict)
      },
      review: (principal, now) => accepted(keyring.review(principal, now)),
    }
  },
}

function headerOf({ in: place, name }: ApiKeyAuth): string {
  return { header: name.toLowerCase(), cookie: 'cookie', query: '' }[place]
}

function accepted(verdict: Verdict): Principal {
  if (verdict.outcome === 'valid') return verdict.principal
  throw new Refusal(`key_${verdict.outcome}`)
}

/** Node takes every byte of a header for a character; those that are UTF-8 are what somebody typed and hashed. */
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

/** Two credentials in one place are no credential that anything could know. */
function single(values: string[]): string | undefined {
  return values.length > 1 ? '' : values[0]
}
