// Generated from gateway.schema.json by `npm run schema`; edit that file instead.

/**
 * A pattern for names: `*` any characters, `?` one character, `\` the next character literally.
 */
export type Glob = string
/**
 * One auth method; `type` says which kind.
 */
export type AuthMethod = ApiKeyAuth | JwtAuth | MtlsAuth
/**
 * A scope: one word of printable ASCII, without quotation marks and backslashes. offline_access is none: it is between client and issuer.
 */
export type Scope = string
/**
 * A name: letters, digits, dot, underscore and hyphen, at most 64 characters, beginning with a letter or digit.
 */
export type Name = string
/**
 * A token that the gateway gets and sends as Authorization: Bearer with every request; `type` says how. The client's own token never goes upstream.
 */
export type UpstreamAuth = ClientCredentialsAuth | TokenExchangeAuth
/**
 * Scopes that are needed, all of them.
 *
 * @minItems 1
 * @maxItems 100
 */
export type ScopeList = Scope[]

/**
 * gateway.yaml: the whole state of a Gatehouse gateway. Unknown fields are errors at every level.
 */
export interface Config {
  /**
   * Version of this format. The only one so far is 1.
   */
  version: 1
  /**
   * Fragments to merge in, as paths or globs relative to this file, for example one per team. A fragment may hold auth, roles, keys and proxies. A name declared twice is an error at both places.
   *
   * @maxItems 100
   */
  include: (string | Include)[]
  /**
   * Path of a file, relative to this one, of keys, secrets, token subjects, tokens and certificates that are refused at once. It is applied on its own, also while the configuration has errors. Its content is no part of the revision.
   */
  revocations?: string
  listen: Listen
  admin: Admin
  /**
   * Auth methods by name: the ways to prove who you are. A proxy names those that it accepts.
   */
  auth: {
    [k: string]: AuthMethod
  }
  /**
   * Roles by name: reusable bundles of access rules. Keys hold them, and auth methods grant them.
   */
  roles: {
    [k: string]: Role
  }
  /**
   * Keys by name. A key is an identity with one or more hashed secrets, several while it is being rotated.
   */
  keys: {
    [k: string]: Key
  }
  /**
   * Proxies by name. A proxy is one public MCP endpoint and the upstream behind it.
   */
  proxies: {
    [k: string]: Proxy
  }
  sessions?: Sessions
  pepper?: SecretReference
  outbound: Outbound
  /**
   * How many threads serve clients: a number, or `auto` for one per core that the gateway may use. Each has its own connections, streams, caches and tokens of upstreams; log, metrics and status are those of one gateway. With 1 everything happens in one thread, which is also what systems without shared listening ports (macOS, Windows) get. Takes effect after a restart only.
   */
  workers: 'auto' | number
}
/**
 * Fragments that touch only their own. What a field does not name, the fragments may not declare or refer to.
 */
export interface Include {
  /**
   * A path or glob relative to this file.
   */
  path: string
  /**
   * The names that the fragments may declare, as patterns: of proxies, roles, keys and auth methods. Their roles grant access to proxies of these names only.
   *
   * @minItems 1
   * @maxItems 100
   */
  owns: Glob[]
  /**
   * Roles of this file that keys and grants of the fragments may give, as patterns.
   *
   * @maxItems 100
   */
  roles: Glob[]
  /**
   * The environment variables that the fragments may refer to, as patterns.
   *
   * @maxItems 100
   */
  env: Glob[]
  /**
   * The files that the fragments may refer to, as patterns of paths relative to this file. They are judged where symbolic links lead, too.
   *
   * @maxItems 100
   */
  files: Glob[]
  /**
   * The hosts of upstreams, issuers and token endpoints that the fragments may name, as patterns, with or without a port.
   *
   * @maxItems 100
   */
  hosts: Glob[]
}
/**
 * The listener that MCP clients reach.
 */
export interface Listen {
  /**
   * Where to listen. Other machines reach the gateway only at an address that is not loopback. A change needs a restart.
   */
  address: string
  /**
   * The scheme, host and port that clients type, without a path. Requests may carry its host in their Host header.
   */
  publicUrl?: string
  /**
   * Further names that the Host header may carry, as host or host:port. Loopback names, the address a request arrived at, and the host of publicUrl are always allowed.
   *
   * @maxItems 100
   */
  allowedHosts: string[]
  /**
   * Origins of browser applications that may call, exactly as a browser sends them. Every origin but these and the host itself gets 403.
   *
   * @maxItems 100
   */
  allowedOrigins: string[]
  tls?: ListenTls
  timeout: ListenTimeout
  /**
   * How many connections clients may have at the same time, all threads together. By default, and at most, as many as the limit of open files (`ulimit -n`) leaves room for: a connection may need a second descriptor for its upstream, and some are kept for everything else. When there are too many, the one that has been idle for longest is closed; where none is idle, the new one is.
   */
  maxConnections?: number
  /**
   * How long a stopping gateway waits for calls in flight before it closes their connections; 0s not to wait.
   */
  drain: string
}
/**
 * Serve https. Without this block the listener speaks plain HTTP. Its files are watched, and a change is applied without dropping a connection; adding or taking out this block, or clientCa, needs a restart.
 */
export interface ListenTls {
  cert: SecretReference
  key: SecretReference
  clientCa?: SecretReference
  crl?: SecretReference
  /**
   * The oldest version of TLS to speak.
   */
  minVersion: 'TLSv1.2' | 'TLSv1.3'
}
/**
 * Where a secret is found; a secret itself never stands in this file.
 */
export interface SecretReference {
  /**
   * Name of an environment variable.
   */
  env?: string
  /**
   * Path of a file, relative to the file that names it. One line break at its end is not part of the secret. The file is watched.
   */
  file?: string
}
/**
 * How long clients may take.
 */
export interface ListenTimeout {
  /**
   * For a whole request, headers and body, to arrive.
   */
  request: string
  /**
   * For the next request on an idle connection. Keep it above the idle timeout of a load balancer in front.
   */
  keepAlive: string
}
/**
 * The listener for operators, apart from the one for clients: /livez, /readyz, /status and /metrics. It asks for no credential: keep it on loopback or a private network.
 */
export interface Admin {
  /**
   * Where to listen. A change needs a restart.
   */
  address: string
  /**
   * Further names that the Host header may carry, as host or host:port. Loopback names and the address a request arrived at are always allowed. A change needs a restart.
   *
   * @maxItems 100
   */
  allowedHosts: string[]
}
/**
 * A shared secret that the client sends with every request; its hash stands under a key.
 */
export interface ApiKeyAuth {
  /**
   * The kind of auth method.
   */
  type: 'api-key'
  /**
   * Where the client puts the key. A query parameter ends up in histories and in the logs of everything in between: use it only where a client can do nothing else.
   */
  in: 'header' | 'cookie' | 'query'
  /**
   * Name of the header, cookie or query parameter.
   */
  name: string
  /**
   * The word before the key in a header, as in `Authorization: Bearer KEY`. Without this field it is Bearer for the header Authorization and no word elsewhere; an empty string means no word.
   */
  scheme?: string
}
/**
 * Access tokens that an issuer signs, as JWTs in `Authorization: Bearer`. With the type oauth the proxies also tell clients where to get one (RFC 9728). Several issuers are several auth methods: the token's `iss` chooses among those of a proxy.
 */
export interface JwtAuth {
  /**
   * The kind of auth method: jwt takes tokens that clients have; oauth, in addition, tells clients that have none where to get them, for which listen.publicUrl must be set.
   */
  type: 'jwt' | 'oauth'
  /**
   * The `iss` of the tokens, exactly. Without `jwks` it is also the URL whose metadata (OpenID Connect discovery or RFC 8414) says where the keys are.
   */
  issuer: string
  jwks?: JwksSource
  /**
   * A token must name one of these in its `aud`. Without this field it must name the proxy's own public URL: listen.publicUrl and the proxy's path.
   *
   * @minItems 1
   * @maxItems 100
   */
  audiences?: string[]
  /**
   * The signature algorithms that are accepted. None of them works with a shared secret, and `none` is not one.
   *
   * @minItems 1
   */
  algorithms: (
    | 'RS256'
    | 'RS384'
    | 'RS512'
    | 'PS256'
    | 'PS384'
    | 'PS512'
    | 'ES256'
    | 'ES384'
    | 'ES512'
    | 'EdDSA'
    | 'Ed25519'
  )[]
  /**
   * How far the clocks of issuer and gateway may be apart, at most 10m; 0s for not at all.
   */
  clockSkew: string
  /**
   * Who holds which roles. All grants that match apply; without any, tokens are accepted and may do nothing.
   *
   * @maxItems 1000
   */
  grants: TokenGrant[]
  introspection?: Introspection
}
/**
 * Where the issuer's public keys are, as a JSON Web Key Set (RFC 7517), where they are not to be discovered.
 */
export interface JwksSource {
  /**
   * URL of the key set. It is read again every 10 minutes, and when a token names an unknown key.
   */
  url?: string
  /**
   * Path of the key set, relative to the file that names it. It is part of the revision, and watched.
   */
  file?: string
}
/**
 * Roles for the tokens that fit.
 */
export interface TokenGrant {
  when: TokenCondition
  /**
   * The roles that such tokens hold.
   *
   * @minItems 1
   * @maxItems 100
   */
  roles: Name[]
}
/**
 * What a token must have: every claim and every scope that stands here. With nothing in it, every token fits.
 */
export interface TokenCondition {
  /**
   * Claims by name. Text is a pattern as for tools; of a list of patterns any may match. A claim that is a list fits when any of its items does.
   */
  claims?: {
    /**
     * A pattern, several of which any may match, or the very number or boolean.
     */
    [k: string]: string | number | boolean | string[]
  }
  /**
   * Scopes that the token must all have, in its claim `scope` or `scp`.
   *
   * @minItems 1
   * @maxItems 100
   */
  scopes?: Scope[]
}
/**
 * Asks the issuer about tokens that are no JWTs (RFC 7662). Without this block they are refused. The gateway is a client there, and proves itself with exactly one of clientSecret and privateKey. An answer is remembered for at most 60 seconds.
 */
export interface Introspection {
  /**
   * The introspection endpoint. It begins with https:// unless its host is loopback. Without this field it is the introspection_endpoint in the metadata of the issuer.
   */
  url?: string
  /**
   * Which tokens the issuer is asked about: opaque, those that are no JWTs; all, JWTs too, after their signature was verified, so that a revoked one is refused before it expires.
   */
  tokens: 'opaque' | 'all'
  /**
   * The gateway's client id at the issuer.
   */
  clientId: string
  clientSecret?: SecretReference
  /**
   * How the client secret is sent: client_secret_basic in the Authorization header, client_secret_post in the body. Of no effect with a privateKey.
   */
  method: 'client_secret_basic' | 'client_secret_post'
  privateKey?: SecretReference
  /**
   * The kid of the private key, where the issuer has several keys of this client. Without this field the assertion names no key.
   */
  keyId?: string
  /**
   * The algorithm of the signature. Without this field it follows the key: RS256 for RSA, ES256, ES384 or ES512 by the curve, EdDSA for Ed25519.
   */
  algorithm?:
    'RS256' | 'RS384' | 'RS512' | 'PS256' | 'PS384' | 'PS512' | 'ES256' | 'ES384' | 'ES512' | 'EdDSA'
}
/**
 * The client certificate of the connection, verified against listen.tls.clientCa; or, where TLS ends in front of the gateway, the one that a header carries. It decides only where a request carries no other credential.
 */
export interface MtlsAuth {
  /**
   * The kind of auth method.
   */
  type: 'mtls'
  /**
   * Which certificate gets which roles; all that match apply. A certificate that none matches may do nothing.
   *
   * @minItems 1
   * @maxItems 1000
   */
  grants: CertificateGrant[]
  from?: CertificateHeader
}
/**
 * Roles for the certificates that meet every condition.
 */
export interface CertificateGrant {
  when: CertificateCondition
  /**
   * The roles that such a certificate holds.
   *
   * @minItems 1
   * @maxItems 100
   */
  roles: Name[]
}
/**
 * What a certificate has to be; of several fields all have to hold.
 */
export interface CertificateCondition {
  /**
   * One of its subject alternative names, as a glob or a list of globs of which one has to match. A pattern with a colon is for URIs, one with an @ for email addresses, any other for DNS names; `*` alone is for any name.
   */
  san?: string | Glob[]
  /**
   * A pattern for names: `*` any characters, `?` one character, `\` the next character literally.
   */
  subject?: string
  /**
   * The SHA-256 of the certificate in hex, with or without colons, as `openssl x509 -fingerprint -sha256` prints it.
   */
  fingerprint?: string
}
/**
 * TLS ends in front of the gateway, and a header carries the certificate of the client: URL-encoded PEM as of nginx, or the form of RFC 9440. It is believed from these addresses only, and never forwarded.
 */
export interface CertificateHeader {
  /**
   * Name of the header. What is in front must set it itself and drop it where a client sends it.
   */
  header: string
  /**
   * Addresses, or networks, of what stands in front.
   *
   * @minItems 1
   * @maxItems 100
   */
  proxies: string[]
  ca: SecretReference
  crl?: SecretReference
}
/**
 * A named, reusable bundle of access rules.
 */
export interface Role {
  /**
   * What the role is for.
   */
  description?: string
  /**
   * What the role grants, by proxy: a proxy's name, or "*" for every proxy.
   */
  access: {
    [k: string]: Access
  }
}
/**
 * What a role grants on one proxy. A kind that is left out is not granted.
 */
export interface Access {
  tools?: Rules
  prompts?: Rules
  resources?: Rules
  methods?: MethodRules
}
/**
 * Which names are allowed and which denied, as globs: `*` stands for any characters, `?` for one, and a backslash takes the next character literally. A deny wins over every allow.
 */
export interface Rules {
  /**
   * What is allowed. In a role, nothing is allowed that no role allows; on a proxy, a missing list allows everything.
   *
   * @maxItems 1000
   */
  allow?: Glob[]
  /**
   * What is denied, whatever allows it.
   *
   * @maxItems 1000
   */
  deny: Glob[]
}
/**
 * Which methods are allowed and which denied, as globs. Without this field, every method of MCP and of its extensions for tasks and skills passes, and any other is refused as unknown. Methods that name a tool, a prompt or a resource, or list them, pass in any case unless they are denied: their names are judged. What a session cannot do without (`initialize`, `notifications/initialized`, `ping`, `server/discover`) and `notifications/cancelled` always pass.
 */
export interface MethodRules {
  /**
   * The only methods that pass, beside those that are judged by name.
   *
   * @maxItems 1000
   */
  allow?: Glob[]
  /**
   * What is denied, whatever allows it.
   *
   * @maxItems 1000
   */
  deny: Glob[]
}
/**
 * An identity that presents a secret.
 */
export interface Key {
  /**
   * Who answers for the key.
   */
  owner?: string
  /**
   * What the key is for.
   */
  description?: string
  /**
   * The roles that the key holds.
   *
   * @minItems 1
   * @maxItems 100
   */
  roles: Name[]
  /**
   * Refuse the key, and end its open streams.
   */
  disabled: boolean
  /**
   * The key is refused before this instant.
   */
  notBefore?: string
  /**
   * The key is refused from this instant on, and its open streams end.
   */
  expires?: string
  /**
   * The SHA-256 of a client certificate in hex: the key is refused unless the connection presents that certificate. Without this field the secret alone is enough.
   */
  certificate?: string
  /**
   * Hashes of the secrets that prove this identity; two overlap while a key is being rotated.
   *
   * @minItems 1
   * @maxItems 10
   */
  secrets: KeySecret[]
}
/**
 * One hashed secret of a key.
 */
export interface KeySecret {
  /**
   * `sha256:` and the SHA-256 of the secret, or `hmac-sha256:` and its HMAC-SHA-256 under the pepper, in lower-case hex; or, for a secret that was brought along and is less than random, `argon2id:` and its PHC string. `gatehouse keys new` makes a secret and its hash, `gatehouse keys hash` hashes one that you have.
   */
  hash: string
  /**
   * The secret is refused before this instant.
   */
  notBefore?: string
  /**
   * The secret is refused from this instant on, and streams opened with it end.
   */
  expires?: string
}
/**
 * One public MCP endpoint and the upstream behind it.
 */
export interface Proxy {
  /**
   * What the proxy is for. It is also its name in the metadata that the auth method oauth publishes.
   */
  description?: string
  /**
   * The path of the endpoint, matched exactly. Without this field it is /NAME/mcp.
   */
  path?: string
  /**
   * The auth methods that the proxy accepts, any of them; or the word none, which leaves the proxy open to everyone.
   */
  auth: 'none' | Name[]
  upstream: Upstream
  tools?: Rules
  prompts?: Rules
  resources?: Rules
  methods?: MethodRules
  scopes?: Scopes
  /**
   * The largest request body, at most 64MiB. A larger one gets 413 and is not read to its end.
   */
  maxBody: string
  /**
   * How long a stream may be silent before the gateway writes an SSE comment, so that nothing in between takes it for dead; looked at every quarter of a second.
   */
  keepAlive: string
}
/**
 * The MCP server that a proxy forwards to.
 */
export interface Upstream {
  /**
   * The MCP endpoint itself: nothing is appended to it.
   */
  url: string
  /**
   * Headers to send with every request, over any that the client sent. Credentials are references to an environment variable or a file.
   */
  headers: {
    [k: string]: HeaderValue
  }
  /**
   * The only headers of clients to forward, by name or pattern, beside those of MCP itself (`Accept`, `Last-Event-ID`, `MCP-Protocol-Version`, `Mcp-*`). Without this field, all are forwarded but those that are credentials or could only be forged.
   *
   * @maxItems 100
   *
   * Items: A header name; `*` stands for any characters.
   */
  forwardHeaders?: string[]
  /**
   * Query parameters to add to the URL of every request. Credentials are references to an environment variable or a file.
   */
  query: {
    [k: string]: HeaderValue
  }
  auth?: UpstreamAuth
  caller?: Caller
  tls?: UpstreamTls
  timeout: UpstreamTimeout
}
/**
 * The value of a header or a query parameter: a reference, or text that is no secret.
 */
export interface HeaderValue {
  /**
   * Name of an environment variable.
   */
  env?: string
  /**
   * Path of a file, relative to the file that names it. One line break at its end is not part of the value. The file is watched.
   */
  file?: string
  /**
   * Text that is no secret. Refused for Authorization, Cookie and names that look like credentials.
   */
  value?: string
}
/**
 * OAuth client credentials (RFC 6749, 4.4): the gateway is a client of the authorization server that the upstream trusts. It proves itself with exactly one of clientSecret and privateKey.
 */
export interface ClientCredentialsAuth {
  /**
   * How the token is got.
   */
  type: 'client-credentials'
  /**
   * The token endpoint of the authorization server. It begins with https:// unless its host is loopback. Without this field it is discovered: the upstream's metadata (RFC 9728) name the issuer, and this one's (RFC 8414) the endpoint.
   */
  tokenUrl?: string
  /**
   * The only authorization server that may be discovered, exactly as it calls itself; goes without tokenUrl. Without this field it is whichever the upstream names, but a clientSecret goes to no other host than the upstream's.
   */
  issuer?: string
  /**
   * The gateway's client id at the authorization server.
   */
  clientId: string
  clientSecret?: SecretReference
  /**
   * How the client secret is sent: client_secret_basic in the Authorization header, client_secret_post in the body. Of no effect with a privateKey. Without this field it is client_secret_basic, or what an authorization server that is discovered takes.
   */
  method?: 'client_secret_basic' | 'client_secret_post'
  privateKey?: SecretReference
  /**
   * The kid of the private key, where the authorization server has several keys of this client. Without this field the assertion names no key.
   */
  keyId?: string
  /**
   * The algorithm of the signature. Without this field it follows the key: RS256 for RSA, ES256, ES384 or ES512 by the curve, EdDSA for Ed25519.
   */
  algorithm?:
    'RS256' | 'RS384' | 'RS512' | 'PS256' | 'PS384' | 'PS512' | 'ES256' | 'ES384' | 'ES512' | 'EdDSA'
  /**
   * The scopes to ask for, separated by spaces. Without this field the authorization server decides.
   */
  scope?: string
  /**
   * What the token is for: an absolute URI without fragment (RFC 8707). Without this field it is upstream.url without its query. Where the token endpoint is discovered, the upstream has to call itself so.
   */
  resource?: string
  /**
   * The audience parameter, for authorization servers that know it. Without this field none is sent.
   */
  audience?: string
}
/**
 * OAuth token exchange (RFC 8693): the gateway gives the caller's access token to the authorization server, and sends the one that it gets for it upstream, so that the upstream knows the caller. Only for proxies whose auth methods all take tokens. The gateway proves itself with exactly one of clientSecret and privateKey.
 */
export interface TokenExchangeAuth {
  /**
   * How the token is got.
   */
  type: 'token-exchange'
  /**
   * The token endpoint of the authorization server. It begins with https:// unless its host is loopback.
   */
  tokenUrl: string
  /**
   * The gateway's client id at the authorization server.
   */
  clientId: string
  clientSecret?: SecretReference
  /**
   * How the client secret is sent: client_secret_basic in the Authorization header, client_secret_post in the body. Of no effect with a privateKey.
   */
  method: 'client_secret_basic' | 'client_secret_post'
  privateKey?: SecretReference
  /**
   * The kid of the private key, where the authorization server has several keys of this client. Without this field the assertion names no key.
   */
  keyId?: string
  /**
   * The algorithm of the signature. Without this field it follows the key: RS256 for RSA, ES256, ES384 or ES512 by the curve, EdDSA for Ed25519.
   */
  algorithm?:
    'RS256' | 'RS384' | 'RS512' | 'PS256' | 'PS384' | 'PS512' | 'ES256' | 'ES384' | 'ES512' | 'EdDSA'
  /**
   * The scopes to ask for, separated by spaces. Without this field the authorization server decides.
   */
  scope?: string
  /**
   * What the token is for: an absolute URI without fragment. Without this field it is upstream.url without its query, or nothing where there is an audience.
   */
  resource?: string
  /**
   * The name of what the token is for at the authorization server, such as a client id. Without this field none is sent.
   */
  audience?: string
  /**
   * What the authorization server is asked for: an access token of whatever form, or a JWT.
   */
  requestedTokenType: 'access_token' | 'jwt'
}
/**
 * Headers that tell the upstream who called. Whatever a client sends under these names is left out. Characters outside visible ASCII, commas and percent signs are percent-encoded in the values. Without this block the upstream is not told.
 */
export interface Caller {
  /**
   * Name of the header with the name of the principal: a key's name, or anonymous on a proxy with auth none.
   */
  principal: string
  /**
   * Name of the header with what proved who it is, such as key or anonymous. Without this field it is not sent.
   */
  kind?: string
  /**
   * Name of the header with the roles of the principal, separated by commas. Without this field it is not sent.
   */
  roles?: string
  /**
   * Names of headers with claims of the token that the principal was proved with, by claim. Texts, numbers and booleans are sent, and lists of them separated by commas; what is something else, longer than 4096 characters, or not in the token is left out. Without this field none is sent.
   */
  claims?: {
    /**
     * Name of the header with the claim.
     */
    [k: string]: string
  }
}
/**
 * TLS to an https upstream. Its certificate is always verified; there is no way to switch that off.
 */
export interface UpstreamTls {
  ca?: SecretReference
  cert?: SecretReference
  key?: SecretReference
  /**
   * The name that the upstream's certificate must be for, also sent to it (SNI). Without this field it is the host of upstream.url.
   */
  serverName?: string
}
/**
 * How long the upstream may take.
 */
export interface UpstreamTimeout {
  /**
   * To accept a connection.
   */
  connect: string
  /**
   * To begin its answer to a call.
   */
  response: string
  /**
   * Between two pieces of an answer. Streams on which silence is normal (GET and subscriptions/listen) are exempt.
   */
  idle: string
}
/**
 * Scopes that a token must have, in its claim `scope` or `scp`, beside the roles that allow what it asks for. Keys and certificates have no scopes and are not asked for any.
 */
export interface Scopes {
  /**
   * What every token needs, for every request.
   *
   * @maxItems 100
   */
  required: Scope[]
  tools: ScopeMap
  prompts: ScopeMap
  resources: ScopeMap
}
/**
 * Scopes by pattern. A name needs the scopes of every pattern that matches it.
 */
export interface ScopeMap {
  [k: string]: ScopeList
}
/**
 * Sealing of what the upstream hands out to one caller: legacy sessions, tasks and `requestState`.
 */
export interface Sessions {
  secret?: SecretReference
}
/**
 * Where the gateway may go on its own account, for tokens, keys, metadata and what it asks about tokens. The host of the URL or issuer that is written for such a request may be anywhere; any other, which only a document leads to, must be reached by https at a public address.
 */
export interface Outbound {
  /**
   * Hosts, without a port, that only a document leads to and that may be anywhere all the same.
   *
   * @maxItems 100
   */
  allowedHosts: string[]
}
