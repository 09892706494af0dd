import { randomUUID, type KeyObject } from 'node:crypto'
import { SignJWT } from 'jose'
import type { ClientCredentialsAuth } from '../../schema/config.ts'
import { algorithmsFor, readPrivateKey } from '../values/pki/key-material.ts'
import type { Secrets } from '../values/secrets.ts'

/** Method of sending a secret (RFC 6749 §2.3.1). */
export type SecretMethod = 'client_secret_basic' | 'client_secret_post'

/** Client credentials in the configuration: either the secret or the key. */
export type ClientOptions<Method> = Pick<
  ClientCredentialsAuth,
  'clientId' | 'clientSecret' | 'privateKey' | 'keyId' | 'algorithm'
> & { readonly method: Method }

/** Client authentication of the gateway at an authorization server. */
export type ClientProof<Method = SecretMethod> =
  | { readonly method: Method; readonly secret: string }
  | {
      readonly method: 'private_key_jwt'
      readonly privateKey: KeyObject
      readonly keyId: string | undefined
      readonly algorithm: string
    }

/** Parts of a request that authenticate the client. */
export interface ClientAuthentication {
  readonly headers: Readonly<Record<string, string>>
  readonly parameters: Readonly<Record<string, string>>
}

const assertionLifetimeSeconds = 60

/**
 * Reads the client authentication from the configuration.
 *
 * @returns the proof, and a text that changes whenever anything of it changes, the secret included
 */
export function clientProof<Method extends SecretMethod | undefined>(
  { clientId, clientSecret, privateKey, method, keyId, algorithm }: ClientOptions<Method>,
  secrets: Secrets,
): { proof: ClientProof<Method>; identity: string } {
  const secret = secrets((clientSecret ?? privateKey)!)
  const parts = [clientId, method, keyId, algorithm, privateKey === undefined, secret]
  const identity = JSON.stringify(parts)
  if (privateKey === undefined) return { proof: { method, secret }, identity }
  const key = readPrivateKey(secret)!
  const signature = algorithm ?? algorithmsFor(key)[0]!
  return { proof: { method: 'private_key_jwt', privateKey: key, keyId, algorithm: signature }, identity }
}

/**
 * Authenticates the gateway at a token or introspection endpoint: by its secret in the Authorization header or in the
 * body (RFC 6749 §2.3.1), or by an assertion that it signs (RFC 7523 §2.2, §3).
 *
 * @param audience audience of an assertion: the token endpoint or the issuer
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
    .setExpirationTime(`${assertionLifetimeSeconds}s`)
    .sign(proof.privateKey)
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
