/** Expected outcome of a scenario of the suite's `auth/*` with a gateway as the client. */
export type AuthExpectation = {
  /** `called` the suite's tool, `denied` by its server, or the reason why the gateway has no token. */
  outcome:
    | 'called'
    | 'denied'
    | 'resource_mismatch'
    | 'issuer_mismatch'
    | 'issuer_not_offered'
    | 'client_secret_not_taken'
  /** More fields of `upstream.auth` besides those of the registration. */
  auth?: object
  /** Exactly the checks that fail, and the reason. Absent when the scenario passes. */
  cannot?: { checks: string[]; why: string }
}

// These servers offer tokens only to public clients, but issue them to others too.
const asBasic = { method: 'client_secret_basic' }

const noUser =
  'it looks at the authorization request; a gateway that gets tokens for itself has no user to send to one'

const registersAndAsks = {
  outcome: 'called',
  auth: asBasic,
  cannot: {
    checks: ['client-registration', 'authorization-request', 'resource-parameter-in-authorization'],
    why: `${noUser}, and is registered beforehand`,
  },
} as const satisfies AuthExpectation

const asks = { checks: ['resource-parameter-in-authorization'], why: noUser }

/** Scenarios for a client without a user. Those that fail have a reason. */
export const authScenarios: Record<string, AuthExpectation> = {
  'auth/client-credentials-jwt': { outcome: 'called' },
  'auth/client-credentials-basic': { outcome: 'called' },
  'auth/pre-registration': { outcome: 'called' },
  'auth/resource-mismatch': { outcome: 'resource_mismatch', auth: asBasic },
  'auth/metadata-issuer-mismatch': { outcome: 'issuer_mismatch', auth: asBasic },
  'auth/authorization-server-migration': {
    outcome: 'issuer_not_offered',
    auth: asBasic,
    cannot: {
      checks: ['sep-2352-reregister-on-as-change'],
      why: 'it wants a client to register itself at another authorization server; a gateway is registered by people',
    },
  },
  'auth/metadata-default': registersAndAsks,
  'auth/metadata-var1': registersAndAsks,
  'auth/metadata-var2': registersAndAsks,
  'auth/metadata-var3': registersAndAsks,
  'auth/token-endpoint-auth-basic': { outcome: 'called', cannot: asks },
  'auth/token-endpoint-auth-post': { outcome: 'called', cannot: asks },
  'auth/token-endpoint-auth-none': {
    outcome: 'client_secret_not_taken',
    cannot: {
      checks: [
        'token-endpoint-auth-method',
        'resource-parameter-in-authorization',
        'resource-parameter-in-token',
      ],
      why: 'it wants a public client, and client credentials are for confidential ones (RFC 6749, 4.4)',
    },
  },
  'auth/scope-from-www-authenticate': scoped('denied', 'scope-from-www-authenticate'),
  'auth/scope-from-scopes-supported': scoped('called', 'scope-from-scopes-supported'),
  'auth/scope-omitted-when-undefined': scoped('called', 'scope-omitted-when-undefined'),
  'auth/scope-step-up': scoped(
    'denied',
    'scope-step-up-initial',
    'scope-step-up-escalation',
    'sep-2350-scope-union-on-reauth',
  ),
  'auth/scope-retry-limit': scoped('denied', 'scope-retry-limit'),
}

/** Scenarios that are not run, because they test something else. */
export const otherAuthScenarios: Record<string, string> = {
  'auth/basic-cimd': noUser,
  'auth/2025-03-26-oauth-metadata-backcompat': noUser,
  'auth/2025-03-26-oauth-endpoint-fallback': noUser,
  'auth/offline-access-scope': noUser,
  'auth/offline-access-not-supported': noUser,
  'auth/iss-supported': noUser,
  'auth/iss-not-advertised': noUser,
  'auth/iss-supported-missing': noUser,
  'auth/iss-wrong-issuer': noUser,
  'auth/iss-unexpected': noUser,
  'auth/iss-normalized': noUser,
  'auth/enterprise-managed-authorization': 'it exchanges the ID token of a user',
  'auth/dpop': 'the gateway sends bearer tokens',
  'auth/dpop-nonce': 'the gateway sends bearer tokens',
  'auth/wif-jwt-bearer': 'it exchanges the token of a workload',
}

function scoped(outcome: AuthExpectation['outcome'], ...checks: string[]): AuthExpectation {
  return { outcome, auth: asBasic, cannot: { checks, why: noUser } }
}
