import { randomUUID, type KeyObject } from 'node:crypto'
import { SignJWT } from 'jose'

/** How the gateway proves itself to an authorization server. */
export type ClientProof =
  | { readonly method: 'client_secret_basic' | 'client_secret_post'; readonly secret: string }
  | {
      readonly method: 'private_key_jwt'
      readonly key: KeyObject
      readonly keyId: string | undefined
      readonly algorithm: string
    }

/** What a token request carries of it. */
export interface ClientAuthentication {
  readonly headers: Readonly<Record<string, string>>
  readonly parameters: Readonly<Record<string, string>>
}

const assertionLifetime = 60

/**
 * Authenticates the gateway at a token endpoint: by its secret in the Authorization header or in the body
 * (RFC 6749 §2.3.1), or by an assertion that it signs (RFC 7523 §2.2, §3).
 *
 * @param audience whom an assertion is for: the token endpoint, or the issuer behind it
 */
export async function authenticateClient(
  audience: string,
  clientId: string,
  proof: ClientProof,
): Promise<ClientAuthentication> {
  if ('secret' in proof && proof.method === 'client_secret_basic') {
    const pair = `${formEncode(clientId)}:${formEncode(proof.secret)}`
    return { headers: { authorization: `Basic ${Buffer.from(pair).toString('base64')}` }, parameters: {} }
  }
  if ('secret' in proof) {
    return { headers: {}, parameters: { client_id: clientId, client_secret: proof.secret } }
  }
  const header = { alg: proof.algorithm, ...(proof.keyId !== undefined && { kid: proof.keyId }) }
  const assertion = await new SignJWT()
    .setProtectedHeader(header)
    .setIssuer(clientId)
    .setSubject(clientId)
    .setAudience(audience)
    .setJti(randomUUID())
    .setIssuedAt()
    .setExpirationTime(`${assertionLifetime}s`)
    .sign(proof.key)
  return {
    headers: {},
    parameters: {
      client_id: clientId,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: assertion,
    },
  }
}

function formEncode(text: string): string {
  return new URLSearchParams({ '': text }).toString().slice(1)
}
