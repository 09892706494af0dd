import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { newSecret } from '../gateway/auth/api-key/key.ts'

export const issuer = 'https://idp.example.com'
export const audience = 'https://mcp.example.com'

/** Credentials of the calls. */
export interface Credentials {
  /** The secret of a key that may call the tools named `get_*`. */
  readonly reader: string
  /** The secret of a key without a grant on the proxy that is called. */
  readonly outsider: string
  /** A secret that no key has. */
  readonly wrong: string
  /** A token with the same access as the reader. */
  readonly token: string
  /** The key set of its issuer, as JSON. */
  readonly jwks: string
}

/** Creates the credentials of one run. */
export async function newCredentials(): Promise<Credentials> {
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const token = await new SignJWT({ scope: 'mcp:read' })
    .setProtectedHeader({ alg: 'ES256', kid: 'one', typ: 'at+jwt' })
    .setIssuer(issuer)
    .setAudience(audience)
    .setSubject('bench')
    .setExpirationTime('12h')
    .sign(privateKey)
  const jwks = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'one', alg: 'ES256' }] })
  return { reader: newSecret(), outsider: newSecret(), wrong: newSecret(), token, jwks }
}
