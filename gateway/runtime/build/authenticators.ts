import { policies } from '../../../policies/index.ts'
import type { Authenticator, IdentityPolicy } from '../../../policies/policy.ts'
import type { AuthMethod } from '../../../schema/config.ts'
import type { Keyring } from '../../auth/api-key/keyring.ts'
import { fixedKeys } from '../../auth/token/token-keys.ts'
import type { Trust } from '../../auth/trust.ts'
import type { Settings } from '../../config/static-fields.ts'
import type { Hold } from '../../lib/usage-pool.ts'
import type { IssuerKeys } from '../../oauth/jwks.ts'
import type { Secrets } from '../../values/secrets.ts'
import type { BuildDependencies } from './dependencies.ts'

/** Makes the authenticators of a proxy, by the names of its auth methods. */
export type MakeAuthenticators = (
  names: readonly string[],
  ownAudiences: readonly string[],
) => Authenticator[]

/** Parts that the authenticators of one snapshot share. */
export interface AuthenticatorParts {
  readonly config: Settings
  readonly secrets: Secrets
  readonly keyring: Keyring
  readonly clientTrust: Trust | undefined
  readonly hold: Hold
  readonly dependencies: BuildDependencies
}

/** Returns the function that makes the authenticators of a proxy. */
export function authenticatorsWith(parts: AuthenticatorParts): MakeAuthenticators {
  const { config, secrets, keyring, clientTrust, hold, dependencies } = parts
  const { openTokens } = dependencies
  const { allowedHosts } = config.outbound
  return (names, ownAudiences) =>
    names.map(name => {
      const method = config.auth[name]!
      return policyOf(method).create(method, {
        name,
        keyring,
        secrets,
        clientTrust,
        openTokens,
        ownAudiences,
        tokenKeys({ issuer, jwks }) {
          if (jwks?.file !== undefined) return fixedKeys(secrets(jwks))
          const place = { method: name, issuer, url: jwks?.url, allowedHosts }
          const fetchKeys = (): IssuerKeys => dependencies.fetchKeys(place)
          return hold(dependencies.issuerKeys.acquire(JSON.stringify(place), fetchKeys))
        },
        introspection({ issuer, introspection: options }) {
          if (options === undefined) return undefined
          const asked = dependencies.introspect({ method: name, issuer, options, allowedHosts }, secrets)
          return hold(dependencies.introspections.acquire(asked.identity, asked.create))
        },
      })
    })
}

/**
 * Returns the lower-case names of the headers that carry credentials. Methods that no proxy accepts count, too: their
 * credentials must not reach an upstream either.
 */
export function credentialHeadersOf({ auth }: Settings): string[] {
  return Object.values(auth).map(method => policyOf(method).header(method))
}

function policyOf({ type }: AuthMethod): IdentityPolicy<AuthMethod> {
  const policy = policies.find(candidate => candidate.stage === 'identity' && candidate.kind === type)
  if (policy?.stage !== 'identity') throw new Error(`no policy for the auth method type ${type}`)
  return policy as IdentityPolicy<AuthMethod>
}
