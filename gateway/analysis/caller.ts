import type { X509Certificate } from 'node:crypto'
import { mtls } from '../../policies/mtls.ts'
import type { PolicyDependencies } from '../../policies/policy.ts'
import type { AuthMethod, Config, MtlsAuth } from '../../schema/config.ts'
import { readCertificate } from '../auth/certificate.ts'
import type { Claims } from '../auth/jws.ts'
import { anonymous, type Principal } from '../auth/principal.ts'
import { audiencesOf } from '../auth/token/audiences.ts'
import { compileGrants } from '../auth/token/grants.ts'
import { tokenRulesOf } from '../auth/token/token-rules.ts'
import { checkClaims, scopesOf } from '../auth/token/token.ts'
import { Refusal } from '../mcp/errors.ts'
import { takesTokens } from '../values/auth-type.ts'
import { endpointPath } from '../values/endpoint-path.ts'
import { secretWindow, stateAt, type State } from '../values/window.ts'

/** Who is asked about: a key by its name, the holder of a token or of a certificate, or nobody. */
export type Caller =
  | { readonly key: string }
  | { readonly claims: Claims }
  | { readonly certificate: X509Certificate }
  | { readonly anonymous: true }

/** What a question is about, besides the caller. */
export interface Place {
  readonly config: Config
  /** The name of the proxy. */
  readonly proxy: string
  /** Milliseconds since the epoch. */
  readonly now: number
}

/**
 * Returns the principal that a caller is on a proxy, as the gateway would authenticate it. Signatures and CAs are not
 * checked. A token without `iss`, `aud`, `exp` or `sub` is treated as if the claim fitted.
 *
 * @throws Refusal if the proxy does not accept the caller
 */
export function principalOf(caller: Caller, place: Place): Principal {
  const { config, proxy } = place
  const { auth } = config.proxies[proxy]!
  if (auth === 'none') return anonymous
  const methods = auth.map(name => [name, config.auth[name]!] as const)
  if ('key' in caller) return keyPrincipal(caller.key, methods, place)
  if ('claims' in caller) return tokenPrincipal(caller.claims, methods, place)
  if ('certificate' in caller) return certificatePrincipal(caller.certificate, methods, place)
  throw missing(methods)
}

type Methods = readonly (readonly [name: string, method: AuthMethod])[]

function missing(methods: Methods): Refusal {
  const ways = methods.map(([name, { type }]) => `\`${name}\` (${type})`).join(', ')
  return new Refusal('credential_missing', { values: { ways } })
}

const states = {
  disabled: 'key_disabled',
  early: 'key_early',
  expired: 'key_expired',
} as const satisfies Record<Exclude<State, 'valid'>, string>

/** Returns the principal of a key, with any secret that is valid at the instant. */
function keyPrincipal(name: string, methods: Methods, { config, now }: Place): Principal {
  if (!methods.some(([, { type }]) => type === 'api-key')) throw missing(methods)
  const key = config.keys[name]
  if (key === undefined) throw new Refusal('key_unknown')
  const secrets = key.secrets.map(secret => {
    const window = secretWindow(key, secret, () => {})
    return { secret, window, state: stateAt(window, key.disabled, now) }
  })
  const valid = secrets.find(({ state }) => state === 'valid')
  if (valid === undefined) {
    const state = secrets[0]!.state as Exclude<State, 'valid'>
    throw new Refusal(states[state], { rule: `/keys/${name}` })
  }
  return {
    ...anonymous,
    kind: 'key',
    name,
    roles: key.roles,
    grantedBy: `/keys/${name}/roles`,
    expires: valid.window.ends,
    secret: { hash: valid.secret.hash, sha256: undefined },
  }
}

function tokenPrincipal(given: Claims, methods: Methods, place: Place): Principal {
  const accepting = methods.flatMap(([name, method]) => (takesTokens(method) ? [{ name, method }] : []))
  const own = accepting.find(({ method }) => given['iss'] === undefined || given['iss'] === method.issuer)
  if (accepting.length === 0) throw missing(methods)
  if (own === undefined) throw new Refusal('token_issuer')
  const { name, method } = own
  const { config, proxy, now } = place
  const path = endpointPath(proxy, config.proxies[proxy]!)
  const rules = tokenRulesOf(method, audiencesOf(path, config.listen.publicUrl))
  const claims = {
    iss: method.issuer,
    aud: [...rules.audiences][0],
    exp: Math.floor(now / 1000) + 3600,
    sub: 'example',
    ...given,
  }
  const { subject, expires } = checkClaims({ text: '', header: {}, claims }, rules, now)
  return {
    ...anonymous,
    kind: 'token',
    name: method.issuer + subject,
    issuer: method.issuer,
    roles: compileGrants(method.grants)(claims),
    grantedBy: `/auth/${name}/grants`,
    scopes: scopesOf(claims),
    claims,
    expires,
  }
}

/** Lets the policy itself judge a certificate. Its CA is not at hand, so whoever issued it counts as trusted. */
function certificatePrincipal(certificate: X509Certificate, methods: Methods, { now }: Place): Principal {
  const own = methods.find(([, { type }]) => type === 'mtls')
  if (own === undefined) throw missing(methods)
  const [name, method] = own
  const { from: _, ...options } = method as MtlsAuth
  const clientTrust = { problemOf: () => undefined }
  const authenticator = mtls.create(options, { name, clientTrust } as unknown as PolicyDependencies)
  const presented = readCertificate(certificate, [], undefined)
  if (now < presented.notBefore) throw new Refusal('certificate_early')
  if (now >= presented.notAfter) throw new Refusal('certificate_expired')
  return authenticator.review({ ...anonymous, certificate: presented }, now)
}
