import type { ClientCredentialsAuth } from '../../../schema/config.ts'
import { isLoopback } from '../../values/hosts.ts'
import type { Path } from '../document/pointer.ts'
import { reportAt, type DeepPartial, type CheckContext } from './check-context.ts'

/** Credentials of the gateway at an authorization server. */
export type Client = DeepPartial<
  Pick<ClientCredentialsAuth, 'clientSecret' | 'privateKey' | 'keyId' | 'algorithm'>
>

/** Checks that the gateway has exactly one of a secret and a private key, and describes only a key that it has. */
export function checkClient(context: CheckContext, client: Client, path: Path): void {
  const { clientSecret, privateKey } = client
  if (clientSecret !== undefined && privateKey !== undefined) {
    reportAt(context, 'GH1332', [...path, 'privateKey'], {
      message: 'there is both a `clientSecret` and a `privateKey`',
      help: 'remove one of them',
      part: 'key',
    })
  } else if (!('clientSecret' in client) && !('privateKey' in client)) {
    reportAt(context, 'GH1332', path, {
      message: 'the gateway has no credentials for the authorization server',
      help: 'add a `clientSecret` or a `privateKey`, such as `clientSecret: {env: NAME}`',
      part: 'key',
    })
  }
  for (const field of ['keyId', 'algorithm'] as const) {
    if (client[field] === undefined || 'privateKey' in client) continue
    reportAt(context, 'GH1332', [...path, field], {
      message: `\`${field}\` needs a \`privateKey\``,
      help: `add a \`privateKey\`, or remove \`${field}\``,
      part: 'key',
    })
  }
}

/** Checks that a URL that receives secrets begins with https:// (RFC 6749 §3.2), or is on this machine. */
export function checkSecretUrl(context: CheckContext, url: string | undefined, path: Path): void {
  if (url?.startsWith('http://') !== true || isLoopback(URL.parse(url)?.hostname ?? '')) return
  reportAt(context, 'GH1333', path, {
    message: 'the gateway would send a secret to this URL without TLS',
    help: 'write `https://`',
  })
}
