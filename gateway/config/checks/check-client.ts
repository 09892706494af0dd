import type { ClientCredentialsAuth } from '../../../schema/config.ts'
import { isLoopback } from '../../values/hosts.ts'
import type { Path } from '../document/pointer.ts'
import { reportAt, type DeepPartial, type CheckContext } from './check-context.ts'

/** What the gateway proves itself with to an authorization server. */
export type Client = DeepPartial<
  Pick<ClientCredentialsAuth, 'clientSecret' | 'privateKey' | 'keyId' | 'algorithm'>
>

/** The gateway proves itself with a secret or with a key, and says nothing of a key that is not there. */
export function checkClient(context: CheckContext, client: Client, path: Path): void {
  const { clientSecret, privateKey } = client
  if (clientSecret !== undefined && privateKey !== undefined) {
    const message =
      'there are a `clientSecret` and a `privateKey` here; the gateway proves itself with one of them'
    reportAt(context, 'GH1332', [...path, 'privateKey'], message, { part: 'key' })
  } else if (!('clientSecret' in client) && !('privateKey' in client)) {
    const message = 'the gateway has nothing to prove itself with; add a `clientSecret` or a `privateKey`'
    reportAt(context, 'GH1332', path, message, { part: 'key' })
  }
  for (const field of ['keyId', 'algorithm'] as const) {
    if (client[field] === undefined || 'privateKey' in client) continue
    const message = `\`${field}\` says something of a \`privateKey\`, and there is none; take it out`
    reportAt(context, 'GH1332', [...path, field], message, { part: 'key' })
  }
}

/** A URL that secrets are sent to is reached by https (RFC 6749 §3.2), or is on this machine. */
export function checkSecretUrl(context: CheckContext, url: string | undefined, path: Path): void {
  if (url?.startsWith('http://') !== true || isLoopback(URL.parse(url)?.hostname ?? '')) return
  const message = 'the secret would go over the network in clear; write https:// (RFC 6749, 3.2)'
  reportAt(context, 'GH1333', path, message)
}
